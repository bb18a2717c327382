"""Names looked up where they are kept: lists in files, the maps of an MTA, databases, directories.

A table is read whole at start and reload (Loaded), or asked by key (policy.ports.Table): table.py says what both are,
and registry.py the types, with the module of each. All other modules are parts of these backends:

    any that a name cannot describe     described, the file with its host, its query and its password
    postfix                             postmap, Postfix's commands; cidr; braces, which inline and main.cf have, too
    sendmail                            access, what the entries of its access map mean
    lmdb                                lmdb_file, the format of the file
    sqlite, sql                         query, its one parameter; sql_table over sql_postgresql or sql_mysql
    ldap                                directory, what describes one; channel, a connection with deadlines
    redis                               redis_server, a client; ledger/ has one, too

Nothing here decides, or makes waiting safe: lookups/ does that, by guard.py, for the DNS and whatever else is asked.
"""
