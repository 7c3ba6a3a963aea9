/* Constraints over raw memory: says quickly that a message is right, without making an object.
 *
 * Where one does not hold, or a class has rules that were not compiled, the checker of the twin
 * decides, and raises the error that names field, rule and value. compile_checks.h makes the checks.
 *
 * Ownership: a plan owns its checks, and a check those of the elements of its array. The classes of
 * nested messages and group items belong to the items.
 */
#ifndef TLV_CHECKS_H
#define TLV_CHECKS_H

#include <math.h>

#include "attributes.h"
#include "utf8.h"
#include "wide.h"

/* The first ones are those that tlv.native_checks tells; it counts as they stand here. */
enum check_op {
    CHECK_RANGE = 1, /* integers, decimals and enums, by their stored number: becomes one of the last */
    CHECK_MULTIPLE,  /* ... of step */
    CHECK_NONZERO,   /* any number */
    CHECK_GT,        /* floats against bound */
    CHECK_GE,
    CHECK_LT,
    CHECK_LE,
    CHECK_FLOAT_MULTIPLE,
    CHECK_BOOL,      /* 0 or 1 */
    CHECK_TEXT,      /* UTF-8 of least to most characters, fixed or variable */
    CHECK_LENGTH,    /* variable bytes, groups: least to most bytes or items */
    CHECK_MESSAGE,   /* nested messages, group items: all that their class demands */
    CHECK_EACH,      /* arrays: the checks of each element */
    CHECK_I64,       /* range of 8 little-endian bytes, never missing */
    CHECK_NONZERO_8, /* an integer of 8 bytes, never missing */
    CHECK_SIGNED,    /* range of up to 8 bytes */
    CHECK_UNSIGNED,
    CHECK_WIDE,      /* range of more than 8 bytes */
};

typedef struct {
    Wide low;
    Wide high; /* or the step */
} WideBounds;

struct check {
    const Item *item;
    uint8_t op;
    uint8_t maybe_missing;
    union {
        struct {
            int64_t low;
            int64_t high;
        };
        struct {
            uint64_t least;
            uint64_t most; /* or the step */
        };
        double bound;
        WideBounds *wide; /* owned */
        struct {
            Check *checks; /* owned */
            Py_ssize_t count;
        } each;
    };
};

static void checks_free(Check *checks, Py_ssize_t count)
{
    for (Py_ssize_t i = 0; checks != NULL && i < count; i++) {
        Check *check = &checks[i];
        if (check->op == CHECK_EACH) {
            checks_free(check->each.checks, check->each.count);
        }
        if (check->op == CHECK_WIDE || (check->op == CHECK_MULTIPLE && check->item->size > 8)) {
            PyMem_Free(check->wide);
        }
    }
    PyMem_Free(checks);
}

/* Nested messages of nested messages, so deep that the C stack is spared: the twin checks these. */
#define CHECK_DEPTH_MAX 100

static int checks_hold(const Check *checks, Py_ssize_t count, const char *data, Py_ssize_t size, int depth);

static int all_zero(const char *p, Py_ssize_t size)
{
    for (Py_ssize_t i = 0; i < size; i++) {
        if (p[i] != 0) {
            return 0;
        }
    }
    return 1;
}

static int check_multiple(const Check *check, const char *p)
{
    const Item *item = check->item;
    if (item->size > 8) {
        return wide_is_multiple(wide_load(p, item->size, item->big, item->is_signed), &check->wide->high,
                                item->is_signed);
    }
    uint64_t v = load_uint(p, item->size, item->big);
    if (item->is_signed) {
        int64_t s = load_int(p, item->size, item->big);
        v = s < 0 ? (uint64_t)0 - (uint64_t)s : (uint64_t)s;
    }
    return v % check->most == 0;
}

static int check_wide(const Check *check, const char *p)
{
    const Item *item = check->item;
    const Wide v = wide_load(p, item->size, item->big, item->is_signed);
    return wide_is_at_most(&check->wide->low, &v, item->is_signed) &&
           wide_is_at_most(&v, &check->wide->high, item->is_signed);
}

static inline int is_between(Py_ssize_t length, const Check *check)
{
    return (uint64_t)length >= check->least && (uint64_t)length <= check->most;
}

static int check_text(const Check *check, const char *p, const char *data, Py_ssize_t size)
{
    Py_ssize_t length = check->item->size;
    Place place;
    if (check->item->variable == FIXED) {
        length = text_length(p, length);
    }
    else {
        if (!place_find(check->item, data, size, &place, NULL)) {
            return 0;
        }
        p = data + place.start;
        length = place.count;
    }
    length = utf8_length(p, length);
    return length >= 0 && is_between(length, check);
}

static int check_length(const Check *check, const char *data, Py_ssize_t size)
{
    Place place;
    return place_find(check->item, data, size, &place, NULL) && is_between(place.count, check);
}

/* A nested message, or each item of a group. Its class is trusted only as long as it is as it was
 * declared: its validate() counts. */
static int check_message(const Check *check, const char *p, const char *data, Py_ssize_t size, int depth)
{
    const Item *item = check->item;
    Plan *inner = plan_of((PyTypeObject *)item->extra);
    Place place = {0, 1, 0, 0};
    if (inner == NULL || depth >= CHECK_DEPTH_MAX || !inner->checks_complete || inner->rule != NULL) {
        return 0;
    }
    if (UNLIKELY(!plan_is_current(inner))) {
        plan_refresh(inner);
        if (!plan_is_current(inner)) {
            return 0;
        }
    }
    if (item->variable == GROUP) {
        if (!place_find(item, data, size, &place, NULL)) {
            return 0;
        }
        p = data + place.start;
    }
    for (Py_ssize_t i = 0; inner->check_count > 0 && i < place.count; i++) {
        if (!checks_hold(inner->checks, inner->check_count, p + i * place.step, inner->size, depth + 1)) {
            return 0;
        }
    }
    return 1;
}

static int check_each(const Check *check, const char *p, int depth)
{
    const Py_ssize_t step = check->item->element->size;
    for (Py_ssize_t i = 0; i < check->item->count; i++) {
        if (!checks_hold(check->each.checks, check->each.count, p + i * step, step, depth)) {
            return 0;
        }
    }
    return 1;
}

static int check_holds_otherwise(const Check *check, const char *data, Py_ssize_t size, int depth)
{
    const Item *item = check->item;
    const char *p = data + item->offset;
    switch (check->op) {
    case CHECK_MULTIPLE:
        return check_multiple(check, p);
    case CHECK_WIDE:
        return check_wide(check, p);
    case CHECK_NONZERO:
        return item->is_float ? load_double(p, item->size, item->big) != 0 : !all_zero(p, item->size);
    case CHECK_GT:
        return load_double(p, item->size, item->big) > check->bound;
    case CHECK_GE:
        return load_double(p, item->size, item->big) >= check->bound;
    case CHECK_LT:
        return load_double(p, item->size, item->big) < check->bound;
    case CHECK_LE:
        return load_double(p, item->size, item->big) <= check->bound;
    case CHECK_FLOAT_MULTIPLE:
        return fmod(load_double(p, item->size, item->big), check->bound) == 0;
    case CHECK_BOOL:
        return (unsigned char)*p <= 1;
    case CHECK_TEXT:
        return check_text(check, p, data, size);
    case CHECK_LENGTH:
        return check_length(check, data, size);
    case CHECK_MESSAGE:
        return check_message(check, p, data, size, depth);
    case CHECK_EACH:
        return check_each(check, p, depth);
    default:
        return 0;
    }
}

/* Whether all hold for the `size` bytes of a message, or for those of an element. */
static int checks_hold(const Check *checks, Py_ssize_t count, const char *data, Py_ssize_t size, int depth)
{
    for (const Check *check = checks; check < checks + count; check++) {
        const Item *item = check->item;
        const char *p = data + item->offset;
        int holds;
        if (UNLIKELY(check->maybe_missing) && is_null(item, p)) {
            continue;
        }
        if (check->op == CHECK_I64) {
            const int64_t v = (int64_t)load_uint(p, 8, 0);
            holds = v >= check->low && v <= check->high;
        }
        else if (check->op == CHECK_NONZERO_8) {
            holds = load_uint(p, 8, 0) != 0;
        }
        else if (check->op == CHECK_SIGNED) {
            const int64_t v = load_int(p, item->size, item->big);
            holds = v >= check->low && v <= check->high;
        }
        else if (check->op == CHECK_UNSIGNED) {
            const uint64_t v = load_uint(p, item->size, item->big);
            holds = v >= check->least && v <= check->most;
        }
        else {
            holds = check_holds_otherwise(check, data, size, depth);
        }
        if (UNLIKELY(!holds)) {
            return 0;
        }
    }
    return 1;
}

/* The constraints of a class, not its own rule. 0, or -1 with an exception set. */
static inline int message_check(Plan *plan, Message *m)
{
    if (LIKELY(plan->checks_complete && Py_SIZE(m) >= plan->size &&
               checks_hold(plan->checks, plan->check_count, m->data, Py_SIZE(m), 0))) {
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
