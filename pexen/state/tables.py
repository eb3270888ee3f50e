"""The tables, as SQL. A change of them is a new VERSION."""

VERSION = 1

TABLES = (
    """
    -- A run. Times of other tables are seconds since it began.
    CREATE TABLE run (
        id INTEGER PRIMARY KEY,
        began REAL NOT NULL,            -- seconds since 1970
        ended REAL,                     -- the same; NULL while it goes on, or if it broke off
        status TEXT NOT NULL,           -- 'running', 'done', 'stopped' or 'interrupted'
        about TEXT NOT NULL,            -- what else is known of it, a JSON object
        tasks TEXT NOT NULL             -- a JSON list, in the order in which they were found, of
                                        -- [id in table task, file, line, [places of those in this
                                        -- list that it waits for], what it asks for]; the latter
                                        -- is [["claims", [parts of a key]], …], as in records
    )
    """,
    """
    -- A task, the same in all runs. Several of one name are told apart by their order.
    CREATE TABLE task (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        nth INTEGER NOT NULL,
        UNIQUE (name, nth)
    )
    """,
    """
    -- How a task of a run ended. It is there before the task can begin, and has no outcome then.
    CREATE TABLE result (
        run INTEGER NOT NULL REFERENCES run,
        task INTEGER NOT NULL REFERENCES task,
        outcome TEXT,                   -- NULL if it hasn't ended
        started REAL,                   -- NULL if it never did; before it ended, when it may have
        duration REAL,                  -- seconds; NULL if unknown
        attempts INTEGER NOT NULL,
        worker TEXT,
        reason TEXT,                    -- why it didn't end well, in a line
        traceback TEXT,
        output TEXT,                    -- what it printed, as far as that was captured
        results TEXT,                   -- its own: a JSON list of {name, outcome, note, …}, or NULL
        attachments TEXT,               -- files handed over: a JSON list of [name, path], or NULL
        deps_ok INTEGER NOT NULL,       -- 1 if what it provides counts as provided
        shared BLOB,                    -- its dict, pickled; NULL: empty, x'': it couldn't be
        code TEXT,                      -- a digest of the code that it is of
        PRIMARY KEY (run, task)
    ) WITHOUT ROWID
    """,
    """
    -- A task that has come to its point of reboot.
    CREATE TABLE passed (
        run INTEGER NOT NULL REFERENCES run,
        task INTEGER NOT NULL REFERENCES task,
        PRIMARY KEY (run, task)
    ) WITHOUT ROWID
    """,
    """
    -- What a task takes: a mean of its runs, in which the last ones count most.
    CREATE TABLE seconds (
        task INTEGER PRIMARY KEY REFERENCES task,
        mean REAL NOT NULL
    )
    """,
)
