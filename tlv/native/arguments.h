/* Arguments of the constructor and of emplace(): to one value for each field.
 *
 * Ownership: arguments are borrowed from the caller, who holds them through the call; so are
 * defaults, which the plan holds.
 * Whatever goes wrong is told by the twin: for arguments that do not fit the signature its
 * generated function is called with them, for values its error for the first one that misfits.
 */
#ifndef TLV_ARGUMENTS_H
#define TLV_ARGUMENTS_H

#include "plan.h"

#define STACK_VALUES 40

static Py_ssize_t find_name(Plan *plan, PyObject *name, Py_ssize_t guess)
{
    if (LIKELY(guess < plan->count && plan->items[guess].name == name)) {
        return guess;
    }
    for (Py_ssize_t i = 0; i < plan->count; i++) {
        if (plan->items[i].name == name) {
            return i;
        }
    }
    for (Py_ssize_t i = 0; i < plan->count; i++) {
        if (PyUnicode_Compare(plan->items[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

/* Fills values[0 .. plan->count); -1, without an exception, where arguments do not fit. */
static inline int
bind(Plan *plan, PyObject *const *args, Py_ssize_t count, PyObject *names, PyObject **values)
{
    Py_ssize_t i = 0;
    if (UNLIKELY(count > plan->count)) {
        return -1;
    }
    for (; i < count; i++) {
        values[i] = args[i];
    }
    if (i == plan->count && names == NULL) {
        return 0;
    }
    for (; i < plan->count; i++) {
        values[i] = NULL;
    }
    Py_ssize_t named = names == NULL ? 0 : PyTuple_GET_SIZE(names);
    for (i = 0; i < named; i++) {
        Py_ssize_t at = find_name(plan, PyTuple_GET_ITEM(names, i), count + i);
        if (UNLIKELY(at < 0 || values[at] != NULL)) {
            return -1;
        }
        values[at] = args[count + i];
    }
    for (i = count; i < plan->count; i++) {
        if (values[i] == NULL) {
            values[i] = plan->items[i].default_value;
            if (UNLIKELY(values[i] == NULL)) {
                return -1;
            }
        }
    }
    return 0;
}

/* The twin's TypeError about arguments: calls its function with the same ones, after `before`. */
static int bind_refused(Plan *plan, const char *method, PyObject *before, PyObject *const *args, Py_ssize_t count,
                        PyObject *names)
{
    PyObject *function = PyObject_GetAttrString(plan->fallback, method);
    PyObject *bound = PyTuple_New(1 + count);
    PyObject *named = PyDict_New();
    PyObject *result = NULL;
    if (function == NULL || bound == NULL || named == NULL) {
        goto done;
    }
    PyTuple_SET_ITEM(bound, 0, Py_NewRef(before));
    for (Py_ssize_t i = 0; i < count; i++) {
        PyTuple_SET_ITEM(bound, i + 1, Py_NewRef(args[i]));
    }
    for (Py_ssize_t i = 0; names != NULL && i < PyTuple_GET_SIZE(names); i++) {
        if (PyDict_SetItem(named, PyTuple_GET_ITEM(names, i), args[count + i]) < 0) {
            goto done;
        }
    }
    result = PyObject_Call(function, bound, named);
    if (result != NULL) {
        PyErr_SetString(PyExc_SystemError, "the twin took arguments that the compiled core refused");
    }
done:
    Py_XDECREF(result);
    Py_XDECREF(named);
    Py_XDECREF(bound);
    Py_XDECREF(function);
    return -1;
}

/* Turns what a conversion raised into the twin's FieldValueError; other exceptions stay. */
static int misfit(Plan *plan, PyObject *const *values)
{
    ModuleState *state = plan->state;
    if (PyErr_ExceptionMatches(state->field_value_error) ||
        !(PyErr_ExceptionMatches(PyExc_ValueError) || PyErr_ExceptionMatches(PyExc_TypeError) ||
          PyErr_ExceptionMatches(PyExc_OverflowError) || PyErr_ExceptionMatches(state->struct_error))) {
        return -1;
    }
    PyObject *type, *cause, *trace;
    PyErr_Fetch(&type, &cause, &trace);
    PyErr_NormalizeException(&type, &cause, &trace);
    if (trace != NULL) {
        PyException_SetTraceback(cause, trace);
    }
    PyObject *tuple = PyTuple_New(plan->count);
    for (Py_ssize_t i = 0; tuple != NULL && i < plan->count; i++) {
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(values[i]));
    }
    if (tuple != NULL) {
        plan_raise(plan, "misfit", Py_BuildValue("(NO)", tuple, cause));
    }
    Py_XDECREF(type);
    Py_XDECREF(cause);
    Py_XDECREF(trace);
    return -1;
}

/* Memory for as many values as the class has fields. */
static PyObject **values_open(Plan *plan, PyObject **stack)
{
    if (LIKELY(plan->count <= STACK_VALUES)) {
        return stack;
    }
    PyObject **values = PyMem_New(PyObject *, plan->count);
    if (values == NULL) {
        PyErr_NoMemory();
    }
    return values;
}

static void values_close(PyObject **values, PyObject **stack)
{
    if (UNLIKELY(values != stack)) {
        PyMem_Free(values);
    }
}

#endif
