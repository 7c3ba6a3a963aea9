"""Bytes of no particular meaning against the message layer, on both of its implementations at once.

    make fuzz                   60 seconds; make fuzz SECONDS=600 for longer
    python -m fuzz --help       the parts of it: one target, one input again, a smaller corpus

Each target takes bytes as a list of decisions, does with them what a program may do with hostile input, and tells
everything that came out: values, bytes, names and texts of errors. Both implementations must tell the same, and no
error may be one that is not declared; the sanitizers watch what the compiled core does to memory meanwhile.

    twins.py         both implementations in one process
    choices.py       decisions out of bytes
    outcomes.py      what came out, in a form that can be compared
    schema.py        messages with every kind of field
    values.py        values that a field should not be given
    messages.py, groups.py, frames.py, declarations.py, lifetimes.py      the targets
    targets.py       which of them an input is for
    engine.py        under the fuzzer
    __main__.py      builds the instrumented core and starts the fuzzer

The inputs in corpus/ are replayed by tests/test_fuzz_corpus.py, without a fuzzer.
"""
