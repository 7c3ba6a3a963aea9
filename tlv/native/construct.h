/* The constructor: values to bytes, by vectorcall.
 *
 * Ownership: values are borrowed, see arguments.h. They are packed into a message that nobody else
 * sees, since conversions can run any code.
 */
#ifndef TLV_CONSTRUCT_H
#define TLV_CONSTRUCT_H

#include "parts.h"

/* The fixed fields into zeroed memory. */
static inline int pack_fixed(Plan *plan, PyObject *const *values, char *p)
{
    for (Py_ssize_t i = plan->variable_count; i < plan->count; i++) {
        Py_ssize_t at = plan->order[i];
        const Item *item = &plan->items[at];
        if (UNLIKELY(item->put(item, values[at], p + item->offset) < 0)) {
            return misfit(plan, values);
        }
    }
    return 0;
}

static PyObject *construct_variable(Plan *plan, PyTypeObject *type, PyObject *const *values)
{
    Py_ssize_t length;
    Part *parts = parts_make(plan, values, &length);
    if (parts == NULL) {
        return NULL;
    }
    Message *m = message_owned(plan, type, length);
    if (m != NULL) {
        memset(m->inlined, 0, (size_t)length);
        parts_write(plan, parts, m->inlined);
        if (pack_fixed(plan, values, m->inlined) < 0) {
            Py_CLEAR(m);
        }
    }
    parts_drop(parts, plan->variable_count);
    return (PyObject *)m;
}

static inline PyObject *construct(Plan *plan, PyTypeObject *type, PyObject *const *values)
{
    if (plan->variable_count != 0) {
        return construct_variable(plan, type, values);
    }
    Message *m = message_owned(plan, type, plan->size);
    if (LIKELY(m != NULL)) {
        memset(m->inlined, 0, (size_t)plan->size);
        if (UNLIKELY(pack_fixed(plan, values, m->inlined) < 0)) {
            Py_CLEAR(m);
        }
    }
    return (PyObject *)m;
}

/* The error for TLV itself. */
static PyObject *no_layout(PyTypeObject *type)
{
    PyObject *module = PyType_GetModuleByDef(Py_TYPE(type), &native_module);
    PyObject *error = module == NULL ? NULL : PyObject_CallOneArg(state_of(module)->no_layout, (PyObject *)type);
    if (error != NULL) {
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
        Py_DECREF(error);
    }
    return NULL;
}

/* tp_vectorcall of each message class. */
static PyObject *message_vectorcall(PyObject *callable, PyObject *const *args, size_t flagged, PyObject *names)
{
    PyTypeObject *type = (PyTypeObject *)callable;
    Plan *plan = plan_of(type);
    PyObject *stack[STACK_VALUES];
    Py_ssize_t count = PyVectorcall_NARGS(flagged);
    if (UNLIKELY(plan == NULL)) {
        return no_layout(type);
    }
    PyObject **values = values_open(plan, stack);
    if (UNLIKELY(values == NULL)) {
        return NULL;
    }
    PyObject *made = NULL;
    if (LIKELY(bind(plan, args, count, names, values) == 0)) {
        made = construct(plan, type, values);
    }
    else {
        bind_refused(plan, "initialize", Py_None, args, count, names);
    }
    values_close(values, stack);
    return made;
}

#endif
