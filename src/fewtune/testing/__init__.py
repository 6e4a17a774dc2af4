"""The contract suites: what every method and every task must keep, ours and those of other packages alike.

    from fewtune.testing import method_checks

    @pytest.mark.parametrize("check", method_checks(), ids=lambda check: check.__name__)
    def test_my_method(check):
        check(MyMethod(), make_tiny_model, batch)

Each check raises AssertionError with a sentence. Give it a tiny model that is initialised wide (a standard deviation of 0.2
or more, biases included): with the usual 0.02 most mistakes move the outputs by less than rounding does.
"""

from fewtune.testing.methods import check_method as check_method
from fewtune.testing.methods import method_checks as method_checks
from fewtune.testing.tasks import check_task as check_task
from fewtune.testing.tasks import task_checks as task_checks
