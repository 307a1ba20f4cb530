"""What keeps secrets out of what operators see, and the tests that notice when it is gone."""

from proofs.mutants.mutation import Mutant

LOGS = "app/operations/logs.py"
MUTANTS = [
    Mutant(
        "A lack of file descriptors is in the log",
        "app/operations/descriptors.py",
        "if is_used_up and not was_used_up:",
        "if False:",
        "test_descriptors.py::test_a_process_that_has_used_up_its_file_descriptors_logs_it_once",
    ),
    Mutant(
        "The token of a link stays out of the log",
        LOGS,
        'quote(scope["path"]), extra',
        'scope["path"] + "?" + scope["query_string"].decode(), extra',
        "observability/test_logs.py::test_lines_show_paths_without_their_queries",
    ),
    Mutant(
        "A path cannot begin a line of its own",
        LOGS,
        'quote(scope["path"]), extra',
        'scope["path"], extra',
        "observability/test_logs.py::test_a_path_cannot_begin_a_line_of_its_own",
    ),
    Mutant(
        "Tracebacks in production show no values",
        LOGS,
        "return [structlog.processors.format_exc_info, JSONRenderer()]",
        "return [structlog.processors.dict_tracebacks, JSONRenderer()]",
        "observability/test_logs.py::test_a_failure_is_logged_with_its_request_and_without_the_values_of_variables",
    ),
    Mutant(
        "Tracebacks in development show no values",
        LOGS,
        "plain = structlog.dev.plain_traceback",
        "plain = structlog.dev.rich_traceback",
        "observability/test_logs.py::test_a_failure_is_logged_with_its_request_and_without_the_values_of_variables",
    ),
    Mutant(
        "Metrics need the token",
        "app/operations/metrics.py",
        "        raise NotAuthorizedException",
        "        return",
        "observability/test_metrics.py::test_metrics_need_the_token",
    ),
    Mutant(
        "The token of a link stays out of traces",
        "app/operations/traces.py",
        "server_request_hook_handler=_without_query",
        "server_request_hook_handler=None",
        "observability/test_traces.py::test_no_span_holds_a_secret",
    ),
]
