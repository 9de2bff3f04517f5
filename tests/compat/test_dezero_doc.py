"""docs/compat.md on DeZero and on patching: its examples run, in a process of their own."""

import re

from test_autograd_doc import page


def test_examples_print_what_their_comments_say(run_python):
    parts = page().partition("\n## DeZero\n")[2]
    examples = re.findall(r"^```python\n(.*?)^```$", parts, re.MULTILINE | re.DOTALL)
    assert len(examples) == 2
    for code in examples:
        expected = re.findall(r"^ *print\(.*\) +# (.*)$", code, re.MULTILINE)
        assert expected
        assert run_python("-c", code).stdout.splitlines() == expected
