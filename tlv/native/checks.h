/* Constraints over raw memory: says quickly that a message is right.
 *
 * Where one does not hold, or a class has rules that were not compiled, the checker of the twin
 * decides, and raises the error that names field, rule and value. Owns nothing.
 */
#ifndef TLV_CHECKS_H
#define TLV_CHECKS_H

#include "fields.h"

enum check_op {
    CHECK_SIGNED = 1, /* low <= v <= (int64_t)high, integers of up to 64 bits */
    CHECK_UNSIGNED,   /* (uint64_t)low <= v <= high */
    CHECK_MULTIPLE,   /* of high; integers of up to 64 bits */
    CHECK_SIGN,       /* wide integers: low 0: v >= 0, low 1: v > 0 */
    CHECK_GT,         /* floats against bound */
    CHECK_GE,
    CHECK_LT,
    CHECK_LE,
    CHECK_BOOL,
};

static int all_zero(const char *p, Py_ssize_t size)
{
    for (Py_ssize_t i = 0; i < size; i++) {
        if (p[i] != 0) {
            return 0;
        }
    }
    return 1;
}

static int check_sign(const Item *item, const char *p, int64_t low)
{
    const unsigned char top = (unsigned char)p[item->big ? 0 : item->size - 1];
    if (item->is_signed && (top & 0x80)) {
        return 0;
    }
    return low == 0 || !all_zero(p, item->size);
}

static int check_multiple(const Item *item, const char *p, uint64_t step)
{
    uint64_t v = load_uint(p, item->size, item->big);
    if (item->is_signed) {
        int64_t s = load_int(p, item->size, item->big);
        v = s < 0 ? (uint64_t)0 - (uint64_t)s : (uint64_t)s;
    }
    return v % step == 0;
}

static inline int check_holds(const Check *check, const char *data)
{
    const Item *item = check->item;
    const char *p = data + item->offset;
    if (item->is_optional && is_null(item, p)) {
        return 1;
    }
    switch (check->op) {
    case CHECK_SIGNED: {
        int64_t v = load_int(p, item->size, item->big);
        return v >= check->low && v <= (int64_t)check->high;
    }
    case CHECK_UNSIGNED: {
        uint64_t v = load_uint(p, item->size, item->big);
        return v >= (uint64_t)check->low && v <= check->high;
    }
    case CHECK_MULTIPLE:
        return check_multiple(item, p, check->high);
    case CHECK_SIGN:
        return check_sign(item, p, check->low);
    case CHECK_GT:
        return load_double(p, item->size, item->big) > check->bound;
    case CHECK_GE:
        return load_double(p, item->size, item->big) >= check->bound;
    case CHECK_LT:
        return load_double(p, item->size, item->big) < check->bound;
    case CHECK_LE:
        return load_double(p, item->size, item->big) <= check->bound;
    case CHECK_BOOL:
        return (unsigned char)*p <= 1;
    default:
        return 0;
    }
}

/* The constraints of a class, not its own rule. 0, or -1 with an exception set. */
static inline int message_check(Plan *plan, Message *m)
{
    int hold = plan->checks_complete && Py_SIZE(m) >= plan->size;
    for (Py_ssize_t i = 0; hold && i < plan->check_count; i++) {
        hold = check_holds(&plan->checks[i], m->data);
    }
    if (LIKELY(hold)) {
        return 0;
    }
    PyObject *result = PyObject_CallMethod(plan->fallback, "check", "(O)", m);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

/* The class's own rule; its ValueError becomes a RuleError, by the twin. */
static int message_rule(Plan *plan, PyObject *message)
{
    PyObject *result = PyObject_CallOneArg(plan->rule, message);
    if (LIKELY(result != NULL)) {
        Py_DECREF(result);
        return 0;
    }
    if (PyErr_ExceptionMatches(PyExc_ValueError)) {
        PyObject *type, *cause, *trace;
        PyErr_Fetch(&type, &cause, &trace);
        PyErr_NormalizeException(&type, &cause, &trace);
        if (trace != NULL) {
            PyException_SetTraceback(cause, trace);
        }
        plan_raise(plan, "rule_refused", Py_BuildValue("(OO)", message, cause));
        Py_XDECREF(type);
        Py_XDECREF(cause);
        Py_XDECREF(trace);
    }
    return -1;
}

#endif
