/* Arguments of builtins that take a few, by position or by name; the first is required.
 *
 * Ownership: what is found is borrowed from the caller, who holds it through the call.
 */
#ifndef TLV_KEYWORDS_H
#define TLV_KEYWORDS_H

#include "state.h"

/* Puts keyword arguments into the slots that `given` positional ones left. -1 with TypeError set. */
static int take_keywords(const char *function, const char *const *known, Py_ssize_t most, PyObject *const *values,
                         PyObject *names, Py_ssize_t given, PyObject **slots)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); i++) {
        PyObject *name = PyTuple_GET_ITEM(names, i);
        Py_ssize_t at = 0;
        while (at < most && PyUnicode_CompareWithASCIIString(name, known[at]) != 0) {
            at++;
        }
        if (at == most) {
            PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument '%U'", function, name);
            return -1;
        }
        if (at < given || slots[at] != NULL) {
            PyErr_Format(PyExc_TypeError, "%s() got multiple values for argument '%s'", function, known[at]);
            return -1;
        }
        slots[at] = values[i];
    }
    return 0;
}

/* Fills slots[0 .. most), with NULL for what was not given. -1 with TypeError set. */
static inline int take_arguments(const char *function, const char *const *known, Py_ssize_t most,
                                 PyObject *const *args, Py_ssize_t count, PyObject *names, PyObject **slots)
{
    if (UNLIKELY(count > most)) {
        PyErr_Format(PyExc_TypeError, "%s() takes from 1 to %zd positional arguments but %zd were given", function,
                     most, count);
        return -1;
    }
    for (Py_ssize_t i = 0; i < most; i++) {
        slots[i] = i < count ? args[i] : NULL;
    }
    if (names != NULL && take_keywords(function, known, most, args + count, names, count, slots) < 0) {
        return -1;
    }
    if (UNLIKELY(slots[0] == NULL)) {
        PyErr_Format(PyExc_TypeError, "%s() missing 1 required positional argument: '%s'", function, known[0]);
        return -1;
    }
    return 0;
}

#endif
