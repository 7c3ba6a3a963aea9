/* emplace(): values to bytes in a buffer of the caller, without a message object where that is fixed.
 *
 * Ownership: the bytes are packed into a temporary block that nobody else sees, since conversions
 * can run any code, then written at once: all or nothing.
 */
#ifndef TLV_EMPLACE_H
#define TLV_EMPLACE_H

#include "buffers.h"
#include "construct.h"

#define STACK_BYTES 512

/* The fixed block into a temporary one, then into the buffer: all or nothing. */
static PyObject *emplace_fixed(Plan *plan, PyObject *const *values, PyObject *target, PyObject *offset)
{
    char stack[STACK_BYTES];
    char *p = plan->size <= STACK_BYTES ? stack : PyMem_Malloc((size_t)plan->size);
    PyObject *written = NULL;
    if (p == NULL) {
        return PyErr_NoMemory();
    }
    memset(p, 0, (size_t)plan->size);
    if (pack_fixed(plan, values, p) == 0) {
        written = write_bytes(plan, p, plan->size, target, offset);
    }
    if (p != stack) {
        PyMem_Free(p);
    }
    return written;
}

static PyObject *emplace_variable(Plan *plan, PyObject *const *values, PyObject *target, PyObject *offset)
{
    Message *m = (Message *)construct_variable(plan, plan->type, values);
    if (m == NULL) {
        return NULL;
    }
    PyObject *written = write_bytes(plan, m->data, Py_SIZE(m), target, offset);
    Py_DECREF(m);
    return written;
}

/* emplace(buffer, offset, /, fields): a builtin of each class. */
static PyObject *plan_emplace(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    Plan *plan = (Plan *)self;
    PyObject *stack[STACK_VALUES];
    if (count < 2) {
        PyErr_SetString(PyExc_TypeError, "emplace() takes a buffer, an offset and the fields");
        return NULL;
    }
    PyObject **values = values_open(plan, stack);
    if (values == NULL) {
        return NULL;
    }
    PyObject *written = NULL;
    if (UNLIKELY(bind(plan, args + 2, count - 2, names, values) < 0)) {
        bind_refused(plan, "emplace", args[0], args + 1, count - 1, names);
    }
    else {
        written = plan->variable_count != 0 ? emplace_variable(plan, values, args[0], args[1])
                                            : emplace_fixed(plan, values, args[0], args[1]);
    }
    values_close(values, stack);
    return written;
}

#endif
