"""What the state machine holds fastgrad to: docs/engine_in_python.py, wherever that is.

The tests of an installed wheel run in a copy of tests/ and benchmarks/; FASTGRAD_ROOT then says
where the repository is.
"""

import importlib.util
import os
from pathlib import Path

roots = [Path(__file__).parents[2], Path(os.environ.get("FASTGRAD_ROOT", "."))]
pages = [root / "docs" / "engine_in_python.py" for root in roots]
page = next((page for page in pages if page.is_file()), pages[0])
spec = importlib.util.spec_from_file_location("engine_in_python", page)
engine_in_python = importlib.util.module_from_spec(spec)
spec.loader.exec_module(engine_in_python)
globals().update({name: getattr(engine_in_python, name) for name in engine_in_python.__all__})
