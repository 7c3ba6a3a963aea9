"""What becomes of a topology when its processes and its network fail? ``make faults``, or ``python -m benches.faults``.

Each fault is done to the example topology on several nodes, real processes under full load: `processes` kills, stops and
starves them, `weather` loses, delays and reorders the IP packets between them, `connections` breaks what joins them.
After each, the run has to go on and to end, within a deadline; its ledger has to balance, and to say what was lost; and
nothing may stay behind.
"""
