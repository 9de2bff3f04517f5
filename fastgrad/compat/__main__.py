"""`python -m fastgrad.compat autograd script.py args...`: see running.py."""

import sys

if __name__ == "__main__":
    from fastgrad.compat.running import main

    main(sys.argv[1:])
