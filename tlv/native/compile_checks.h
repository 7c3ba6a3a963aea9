/* From what tlv.native_core says of constraints to compiled checks: runs once for each class.
 *
 * Ownership: the plan owns its checks, and its rule.
 */
#ifndef TLV_COMPILE_CHECKS_H
#define TLV_COMPILE_CHECKS_H

#include "checks.h"

static int check_parse(Plan *plan, PyObject *told, Check *check)
{
    Py_ssize_t index;
    int op;
    long long low;
    unsigned long long high;
    double bound;
    if (!PyArg_ParseTuple(told, "niLKd", &index, &op, &low, &high, &bound)) {
        return -1;
    }
    if (index < 0 || index >= plan->count || plan->items[index].variable != FIXED ||
        (op == CHECK_MULTIPLE && high == 0)) {
        PyErr_SetString(PyExc_ValueError, "no such check");
        return -1;
    }
    *check = (Check){&plan->items[index], (uint8_t)op, low, high, bound};
    return 0;
}

/* set_checks(checks, complete, rule) */
static PyObject *plan_set_checks(PyObject *self, PyObject *args)
{
    Plan *plan = (Plan *)self;
    PyObject *told, *rule;
    int complete;
    if (!PyArg_ParseTuple(args, "O!pO:set_checks", &PyTuple_Type, &told, &complete, &rule)) {
        return NULL;
    }
    Py_ssize_t count = PyTuple_GET_SIZE(told);
    Check *checks = PyMem_Calloc((size_t)count + 1, sizeof(Check));
    if (checks == NULL) {
        return PyErr_NoMemory();
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        if (check_parse(plan, PyTuple_GET_ITEM(told, i), &checks[i]) < 0) {
            PyMem_Free(checks);
            return NULL;
        }
    }
    PyMem_Free(plan->checks);
    plan->checks = checks;
    plan->check_count = count;
    plan->checks_complete = complete;
    Py_XSETREF(plan->rule, rule == Py_None ? NULL : Py_NewRef(rule));
    Py_RETURN_NONE;
}

#endif
