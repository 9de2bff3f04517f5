from typing import Any

from fastgrad.op import Row

__all__ = [
    "erf", "erfc", "erfcx", "erfi", "erfinv", "erfcinv", "ndtr", "ndtri", "log_ndtr", "expit",
    "logit", "log_expit", "xlogy", "xlog1py", "entr", "rel_entr", "kl_div", "exp2", "exp10",
    "expm1", "log1p", "cbrt", "gamma", "gammaln", "loggamma", "gammasgn", "rgamma",
    "multigammaln", "digamma", "psi", "polygamma", "zeta", "beta", "betaln", "gammainc",
    "gammaincc", "gammaincinv", "gammainccinv", "betainc", "betaincc", "betaincinv",
    "betainccinv", "j0", "j1", "jn", "jv", "y0", "y1", "yn", "yv", "i0", "i1", "i0e", "i1e",
    "iv", "ive", "k0", "k1", "kn", "kv", "logsumexp", "softmax", "log_softmax",
]  # fmt: skip

erf: Row
erfc: Row
erfcx: Row
erfi: Row
erfinv: Row
erfcinv: Row
ndtr: Row
ndtri: Row
log_ndtr: Row
expit: Row
logit: Row
log_expit: Row
xlogy: Row
xlog1py: Row
entr: Row
rel_entr: Row
kl_div: Row
exp2: Row
exp10: Row
expm1: Row
log1p: Row
cbrt: Row
gamma: Row
gammaln: Row
loggamma: Row
gammasgn: Row
rgamma: Row
multigammaln: Row
digamma: Row
psi: Row
polygamma: Row
zeta: Row
beta: Row
betaln: Row
gammainc: Row
gammaincc: Row
gammaincinv: Row
gammainccinv: Row
betainc: Row
betaincc: Row
betaincinv: Row
betainccinv: Row
j0: Row
j1: Row
jn: Row
jv: Row
y0: Row
y1: Row
yn: Row
yv: Row
i0: Row
i1: Row
i0e: Row
i1e: Row
iv: Row
ive: Row
k0: Row
k1: Row
kn: Row
kv: Row
logsumexp: Row
softmax: Row
log_softmax: Row

# The rest is SciPy's own.
def __getattr__(name: str) -> Any: ...
def __dir__() -> list[str]: ...
