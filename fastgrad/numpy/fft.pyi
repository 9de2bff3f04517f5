# ruff: noqa: I001
from numpy.fft import (
    fftfreq as fftfreq,
    rfftfreq as rfftfreq,
)

from fastgrad.op import Row

fft: Row
ifft: Row
rfft: Row
irfft: Row
hfft: Row
ihfft: Row
rfftn: Row
irfftn: Row
rfft2: Row
irfft2: Row
fft2: Row
ifft2: Row
fftn: Row
ifftn: Row
fftshift: Row
ifftshift: Row
