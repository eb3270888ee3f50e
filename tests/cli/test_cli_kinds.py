"""Runs of what isn't a plain function: unittest classes, executables, factories of one's own."""

from __future__ import annotations

UNITTEST = """
    import unittest

    class TestIt(unittest.TestCase):
        def test_a(self): pass
        def test_b(self): self.fail("not so")
        @unittest.skip("not here")
        def test_c(self): pass
        @unittest.expectedFailure
        def test_d(self): 1 / 0

    class TestOther(unittest.TestCase):
        def test_e(self): pass
"""


def test_the_tests_of_a_unittest_class_have_a_line_each(cli):
    cli.write("test_it.py", UNITTEST)
    cli.script("""
        $ pexen run -j1 --factory unittest test_it
        failed    test_it/TestIt  N s  ...
                    ok         test_a
                    failure    test_b  AssertionError: not so
                    skipped    test_c  not here
                    expected failure  test_d
        ok        test_it/TestOther  N s
                    ok         test_e

        == failed: test_it/TestIt
        -- failure: test_it/TestIt/test_b
        Traceback (most recent call last):
          File "FOLDER/test_it.py", line 5, in test_b
        ...
        AssertionError: not so
        -- again: pexen run --factory unittest test_it --only test_it/TestIt

        2 tasks: 1 ok, 1 failed  in N s
        5 tests in them: 2 ok, 1 expected failure, 1 failure, 1 skipped
        [1]
    """)


def test_quiet_leaves_out_the_lines_of_tests(cli):
    cli.write("test_it.py", UNITTEST)
    cli.script("""
        $ pexen run -q -j1 test_it.py
        failed    test_it/TestIt  N s  ...
        ok        test_it/TestOther  N s

        == failed: test_it/TestIt
        -- failure: test_it/TestIt/test_b
        ...
        5 tests in them: 2 ok, 1 expected failure, 1 failure, 1 skipped
        [1]
    """)


def test_executables_are_told_by_their_exit_status(cli):
    cli.write("ex/a_ok", "#!/bin/sh\necho hello\n", executable=True)
    cli.write("ex/b_skip", "#!/bin/sh\nexit 77\n", executable=True)
    cli.write("ex/c_three", "#!/bin/sh\nexit 3\n", executable=True)
    cli.write("ex/d_killed", "#!/bin/sh\nkill -TERM $$\n", executable=True)
    cli.write("ex/readme", "not executable")
    for factory, more in ("auto", ""), ("filesystem", " --factory filesystem"):
        cli.script(f"""
            $ pexen run -j1 --factory {factory} ex
            ok        ex/a_ok  N s
            skipped   ex/b_skip  N s  exit status 77
            failed    ex/c_three  N s  exit status 3
            failed    ex/d_killed  N s  ended by signal SIGTERM

            == failed: ex/c_three
            FOLDER/ex/c_three: exit status 3
            -- again: pexen run{more} ex --only ex/c_three

            == failed: ex/d_killed
            FOLDER/ex/d_killed: ended by signal SIGTERM
            -- again: pexen run{more} ex --only ex/d_killed

            4 tasks: 1 ok, 1 skipped, 2 failed  in N s
            [1]
        """)


def test_a_program_run_by_a_function_shows_status_and_traceback(cli):
    cli.write("suite.py", """
        import subprocess
        from pexen import task
        @task
        def a(): subprocess.run(["false"], check=True)
    """)
    cli.script("""
        $ pexen run suite
        failed    suite/a  N s  exit status 1

        == failed: suite/a
        Traceback (most recent call last):
        ...
        subprocess.CalledProcessError: Command '['false']' returned non-zero exit status 1.
        -- again: pexen run suite --only suite/a

        1 task: 1 failed  in N s
        [1]
    """)


def test_a_module_that_cannot_be_imported_is_a_failing_task(cli):
    cli.write("pkg/__init__.py", "")
    cli.write("pkg/bad.py", "import nowhere_to_be_found")
    cli.write("pkg/good.py", "from pexen import task\n@task\ndef a(): pass")
    cli.script("""
        $ pexen run -j1 pkg
        failed    pkg/bad  N s  ModuleNotFoundError: No module named 'nowhere_to_be_found'
        ok        pkg/good/a  N s
        ...
        2 tasks: 1 ok, 1 failed  in N s
        [1]
    """)


FACTORIES = """
    class Names:
        def __init__(self, match=""):
            self.match = match
        def __call__(self, target):
            for word in target.split("+"):
                if self.match in word:
                    yield self.task(word)
        def task(self, word):
            def run(): pass
            run.pexen_factory_callpath_ = ["words", word]
            return run

    class names:
        all = Names()

    def broken(target):
        yield print
        raise LookupError("it is gone")

    def odd(target):
        return [1]
"""


def test_a_factory_of_ones_own_is_a_class_or_anything_callable(cli):
    cli.write("fac.py", FACTORIES)
    cli.script("""
        $ pexen run -j1 --factory fac:Names one+two
        ok        words/one  N s
        ok        words/two  N s

        2 tasks: 2 ok  in N s
        $ pexen list --factory fac:names.all one+two
        words/one
        words/two
        $ pexen list --factory fac:Names --match w one+two
        words/two
    """)


def test_a_factory_that_does_not_work_is_a_usage_error(cli):
    cli.write("fac.py", FACTORIES)
    cli.write("falls.py", "raise ValueError('over')")
    cli.script("""
        $ pexen list --factory fac:broken x
        pexen: error: factory 'fac:broken' failed with target 'x': LookupError: it is gone ...
        [2]
        $ pexen list --factory fac:odd x
        pexen: error: factory 'fac:odd' failed with target 'x': it yielded 1, which is not callable
        [2]
        $ pexen list --factory fac:Nix x
        pexen: error: factory 'fac:Nix' can't be made: AttributeError: ...
        [2]
        $ pexen list --factory nowhere:Nix x
        pexen: error: factory 'nowhere:Nix' can't be made: ModuleNotFoundError: ...
        [2]
        $ pexen list --factory falls:Over x
        pexen: error: factory 'falls:Over' can't be made: ValueError: over (FOLDER/falls.py, line 1)
        [2]
        $ pexen list --factory fac:__name__ x
        pexen: error: factory 'fac:__name__' can't be called with a target: it is 'fac'
        [2]
        $ pexen list --factory fac:odd --match x x
        pexen: error: factory 'fac:odd' can't be made: TypeError: it is no class, ...
        [2]
        $ pexen list --factory Fac x
        pexen: error: factory 'Fac' is not known; there are auto, modtree, ...
        [2]
    """)


def test_a_task_that_runs_too_long_is_ended_and_says_where_it_was(cli):
    cli.write("test_it.py", """
        import time
        from pexen import task

        @task
        def hangs():
            time.sleep(60)

        @task(timeout=60)
        def ends():
            pass
    """)
    cli.script("""
        $ pexen run -j1 --timeout 0.1 test_it
        ok        test_it/ends  N s
        timeout   test_it/hangs  N s  timed out after ...

        == timeout: test_it/hangs
        timed out after ...
        what its worker was doing:
        ...
          File "FOLDER/test_it.py", line 6 in hangs
        ...
        [1]
    """)


def test_a_timeout_that_is_none_is_refused(cli):
    cli.write("test_it.py", "")
    cli.script("""
        $ pexen run --timeout soon test_it
        pexen: error: argument --timeout: 'soon' is not a number of seconds above 0; ...
        ...
        [2]
    """)
