"""What makes it safe to ask others, whoever they are: a table, a directory, the DNS.

guard: a cache with lifetimes and a cap, and a breaker; breaker: who fails is not asked for a while; crowd: questions of
strangers do not take every thread; together: several sources at the same time; hosts: servers by their names; waiting
and deadline: whether this thread may wait, and for how long; any_of and first_of: several sources as one.
"""
