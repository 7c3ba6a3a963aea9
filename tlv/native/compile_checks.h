/* From what tlv.native_checks says of constraints to compiled checks: runs once for each class.
 *
 * Everything is verified here, since the checks trust their operands and the kind of their item.
 * Ownership: the plan owns its checks, and its rule; see checks.h for what a check owns.
 */
#ifndef TLV_COMPILE_CHECKS_H
#define TLV_COMPILE_CHECKS_H

#include "checks.h"

/* Whether a check makes sense for an item. */
static int check_fits(const Item *item, int op)
{
    const int is_stored_integer = item->get_inner == get_enum || item->get_inner == get_decimal || item->is_integer;
    switch (op) {
    case CHECK_RANGE:
    case CHECK_MULTIPLE:
        return is_stored_integer;
    case CHECK_NONZERO:
        return is_stored_integer || item->is_float;
    case CHECK_GT:
    case CHECK_GE:
    case CHECK_LT:
    case CHECK_LE:
    case CHECK_FLOAT_MULTIPLE:
        return item->is_float;
    case CHECK_BOOL:
        return item->is_bool;
    case CHECK_TEXT:
        return item->get_inner == get_text || item->variable == VARIABLE_TEXT;
    case CHECK_LENGTH:
        return item->variable != FIXED;
    case CHECK_MESSAGE:
        return item->get_inner == get_nested || item->variable == GROUP;
    case CHECK_EACH:
        return item->element != NULL;
    default:
        return 0;
    }
}

static int check_use_wide(Check *check, PyObject *low, PyObject *high)
{
    const int is_signed = check->item->is_signed;
    char bytes[8 * LIMBS];
    check->wide = PyMem_Calloc(1, sizeof(WideBounds));
    if (check->wide == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    if (int_to_bytes(low, bytes, sizeof(bytes), 0, is_signed) < 0) {
        return -1;
    }
    check->wide->low = wide_load(bytes, sizeof(bytes), 0, is_signed);
    if (int_to_bytes(high, bytes, sizeof(bytes), 0, is_signed) < 0) {
        return -1;
    }
    check->wide->high = wide_load(bytes, sizeof(bytes), 0, is_signed);
    return 0;
}

/* Bounds, or the step as the higher one. */
static int check_use_integers(Check *check, PyObject *low, PyObject *high)
{
    const Item *item = check->item;
    if (item->size > 8 && (check->op == CHECK_RANGE || check->op == CHECK_MULTIPLE)) {
        check->op = check->op == CHECK_RANGE ? CHECK_WIDE : CHECK_MULTIPLE;
        return check_use_wide(check, low, high);
    }
    if (check->op == CHECK_RANGE && item->is_signed) {
        const int is_plain = item->size == 8 && !item->big && !item->is_optional;
        check->op = is_plain ? CHECK_I64 : CHECK_SIGNED;
        check->low = PyLong_AsLongLong(low);
        check->high = PyLong_AsLongLong(high);
    }
    else {
        check->op = check->op == CHECK_RANGE ? CHECK_UNSIGNED : check->op;
        check->least = PyLong_AsUnsignedLongLong(low);
        check->most = PyLong_AsUnsignedLongLong(high);
    }
    return PyErr_Occurred() ? -1 : 0;
}

static Check *checks_parse(const Item *item, PyObject *told, Py_ssize_t *done);

/* told: op, low, high, bound, the checks of elements. */
static int check_parse(const Item *item, PyObject *told, Check *check)
{
    PyObject *low, *high, *inner;
    int op;
    double bound;
    if (!PyArg_ParseTuple(told, "iO!O!dO!", &op, &PyLong_Type, &low, &PyLong_Type, &high, &bound, &PyTuple_Type,
                          &inner)) {
        return -1;
    }
    if (!check_fits(item, op)) {
        PyErr_SetString(PyExc_ValueError, "no such check for this field");
        return -1;
    }
    *check = (Check){.item = item, .op = (uint8_t)op, .maybe_missing = item->is_optional};
    if (op == CHECK_NONZERO) {
        check->op = item->size == 8 && !item->is_float && !item->is_optional ? CHECK_NONZERO_8 : CHECK_NONZERO;
        return 0;
    }
    if (op == CHECK_EACH) {
        check->each.checks = checks_parse(item->element, inner, &check->each.count);
        return check->each.checks == NULL ? -1 : 0;
    }
    if (op >= CHECK_GT && op <= CHECK_FLOAT_MULTIPLE) {
        check->bound = bound;
        return 0;
    }
    if (op == CHECK_MULTIPLE && PyObject_RichCompareBool(high, Py_False, Py_EQ) != 0) {
        PyErr_SetString(PyExc_ValueError, "a multiple of nothing");
        return -1;
    }
    return check_use_integers(check, low, high);
}

/* The checks of one item; `done` counts those that checks_free() must see, also after a failure. */
static int checks_fill(const Item *item, PyObject *told, Check *checks, Py_ssize_t *done)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(told); i++, ++*done) {
        if (check_parse(item, PyTuple_GET_ITEM(told, i), &checks[*done]) < 0) {
            *done += checks[*done].item != NULL;
            return -1;
        }
    }
    return 0;
}

static Check *checks_parse(const Item *item, PyObject *told, Py_ssize_t *done)
{
    Check *checks = PyMem_Calloc((size_t)PyTuple_GET_SIZE(told) + 1, sizeof(Check));
    *done = 0;
    if (checks == NULL) {
        PyErr_NoMemory();
    }
    else if (checks_fill(item, told, checks, done) < 0) {
        checks_free(checks, *done);
        checks = NULL;
        *done = 0;
    }
    return checks;
}

/* set_checks(checks of each field, complete, rule); once, when the class is made. */
static PyObject *plan_set_checks(PyObject *self, PyObject *args)
{
    Plan *plan = (Plan *)self;
    PyObject *told, *rule;
    int complete;
    if (!PyArg_ParseTuple(args, "O!pO:set_checks", &PyTuple_Type, &told, &complete, &rule)) {
        return NULL;
    }
    if (PyTuple_GET_SIZE(told) != plan->count || plan->checks != NULL) {
        PyErr_SetString(PyExc_ValueError, "set_checks() takes the checks of each field, once");
        return NULL;
    }
    Py_ssize_t total = 0;
    for (Py_ssize_t i = 0; i < plan->count; i++) {
        if (!PyTuple_Check(PyTuple_GET_ITEM(told, i))) {
            PyErr_SetString(PyExc_TypeError, "the checks of a field are a tuple");
            return NULL;
        }
        total += PyTuple_GET_SIZE(PyTuple_GET_ITEM(told, i));
    }
    plan->checks = PyMem_Calloc((size_t)total + 1, sizeof(Check));
    if (plan->checks == NULL) {
        return PyErr_NoMemory();
    }
    for (Py_ssize_t i = 0; i < plan->count; i++) {
        if (checks_fill(&plan->items[i], PyTuple_GET_ITEM(told, i), plan->checks, &plan->check_count) < 0) {
            return NULL; /* the plan is not complete, and drops them in the end */
        }
    }
    plan->checks_complete = complete;
    Py_XSETREF(plan->rule, rule == Py_None ? NULL : Py_NewRef(rule));
    Py_RETURN_NONE;
}

#endif
