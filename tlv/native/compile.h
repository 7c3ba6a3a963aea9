/* From what tlv.native_core says of a layout to a Plan: runs once for each class.
 *
 * Ownership: a plan under construction owns what it has so far, so that any failure just drops it.
 * Everything is checked here, since the getters trust the plan.
 */
#ifndef TLV_COMPILE_H
#define TLV_COMPILE_H

#include "construct.h"

static int item_is_inside(Plan *plan, const Item *item)
{
    return item->offset >= 0 && item->size >= 0 && item->offset <= plan->size - item->size;
}

static void item_use_integer(Item *item)
{
    Py_ssize_t bits = 8 * item->size;
    item->is_integer = 1;
    item->low = 0;
    item->high = UINT64_MAX;
    if (item->size <= 8) {
        item->low = item->is_signed ? INT64_MIN >> (64 - bits) : 0;
        item->high = item->is_signed ? (uint64_t)(INT64_MAX >> (64 - bits)) : UINT64_MAX >> (64 - bits);
        item->get_inner = item->is_signed ? get_signed : get_unsigned;
    }
    else {
        item->get_inner = get_wide;
    }
    if (item->size == 8 && item->is_signed && !item->big) {
        item->get_inner = get_i64;
    }
    if (item->size == 4 && !item->is_signed && !item->big) {
        item->get_inner = get_u32;
    }
    item->put_inner = put_integer;
}

/* The pair of functions for a kind; -1 where the kind and the rest of the item do not agree. */
static int item_use_kind(Item *item, const char *kind)
{
    int is_number = item->size >= 1 && item->size <= 32;
    if (strcmp(kind, "int") == 0) {
        item_use_integer(item);
        return is_number ? 0 : -1;
    }
    if (strcmp(kind, "float") == 0) {
        item->is_float = 1;
        item->get_inner = get_float;
        item->put_inner = put_float;
        return item->size == 4 || item->size == 8 ? 0 : -1;
    }
    if (strcmp(kind, "bool") == 0) {
        item->is_bool = 1;
        item->get_inner = get_bool;
        item->put_inner = put_bool;
        return item->size == 1 ? 0 : -1;
    }
    if (strcmp(kind, "enum") == 0) {
        item_use_integer(item);
        item->is_integer = 0;
        item->get_inner = get_enum;
        item->put_inner = put_enum;
        return is_number && PyDict_CheckExact(item->extra) ? 0 : -1;
    }
    if (strcmp(kind, "decimal") == 0) {
        item_use_integer(item);
        item->is_integer = 0;
        item->get_inner = get_decimal;
        item->put_inner = put_by_codec;
        return is_number ? 0 : -1;
    }
    if (strcmp(kind, "bytes") == 0) {
        item->get_inner = get_bytes;
        item->put_inner = put_bytes;
        return 0;
    }
    if (strcmp(kind, "text") == 0) {
        item->get_inner = get_text;
        item->put_inner = put_text;
        return 0;
    }
    return -1;
}

static Plan *plan_of_class(ModuleState *state, PyObject *object)
{
    return PyObject_TypeCheck(object, state->metatype) ? plan_of((PyTypeObject *)object) : NULL;
}

static int item_use_structure(ModuleState *state, Item *item, const char *kind)
{
    Plan *inner = plan_of_class(state, item->extra);
    if (strcmp(kind, "array") == 0) {
        item->get_inner = get_array;
        item->put_inner = put_array;
        return item->element != NULL && item->count > 0 && item->size / item->count == item->element->size &&
                       item->size % item->count == 0
                   ? 0
                   : -1;
    }
    if (strcmp(kind, "nested") == 0) {
        item->get_inner = get_nested;
        item->put_inner = put_nested;
        return inner != NULL && inner->size == item->size && inner->variable_count == 0 ? 0 : -1;
    }
    item->get_inner = get_variable;
    item->put_inner = NULL; /* see construct.h */
    item->variable = strcmp(kind, "group") == 0           ? GROUP
                     : strcmp(kind, "variable_bytes") == 0 ? VARIABLE_BYTES
                     : strcmp(kind, "variable_text") == 0  ? VARIABLE_TEXT
                                                           : FIXED;
    if (item->variable == GROUP) {
        item->group_size = inner == NULL ? 0 : inner->size;
        return item->size == 8 && item->group_size > 0 && inner->variable_count == 0 ? 0 : -1;
    }
    return item->size == 8 && item->variable != FIXED ? 0 : -1;
}

/* null: None, a float, or the bytes of the stored value. */
static int item_use_null(Item *item, PyObject *null)
{
    item->get = item->get_inner;
    item->put = item->put_inner;
    if (null == Py_None) {
        return 0;
    }
    char *p = item->null_bytes;
    item->is_optional = 1;
    item->get = get_optional;
    item->put = put_optional;
    if (item->size > (Py_ssize_t)sizeof(item->null_bytes)) {
        p = item->null_long = PyMem_Calloc(1, (size_t)item->size);
        if (p == NULL) {
            PyErr_NoMemory();
            return -1;
        }
    }
    if (item->is_float && PyFloat_Check(null)) {
        item->null_number = PyFloat_AS_DOUBLE(null);
        item->is_null_nan = item->null_number != item->null_number;
        return store_double(p, item->size, item->big, item->null_number);
    }
    if (item->is_float || !PyBytes_Check(null) || PyBytes_GET_SIZE(null) != item->size) {
        PyErr_SetString(PyExc_TypeError, "the null is not as long as its field");
        return -1;
    }
    memcpy(p, PyBytes_AS_STRING(null), (size_t)item->size);
    return 0;
}

static int item_parse(Plan *plan, PyObject *told, Item *item);

static int item_parse_element(Plan *plan, PyObject *told, Item *item)
{
    if (told == Py_None) {
        return 0;
    }
    item->element = PyMem_Calloc(1, sizeof(Item));
    if (item->element == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    return item_parse(plan, told, item->element);
}

/* told: name, kind, offset, size, signed, null, codec, extra, members, element, count, digits, default in a tuple. */
static int item_parse(Plan *plan, PyObject *told, Item *item)
{
    PyObject *name, *null, *codec, *extra, *members, *element, *default_value;
    const char *kind;
    int is_signed;
    if (!PyArg_ParseTuple(told, "OsnnpOOOOOnnO!", &name, &kind, &item->offset, &item->size, &is_signed, &null, &codec,
                          &extra, &members, &element, &item->count, &item->digits, &PyTuple_Type, &default_value)) {
        return -1;
    }
    item->plan = plan;
    item->end = item->offset + item->size;
    item->is_signed = (uint8_t)is_signed;
    item->big = (uint8_t)plan->big;
    item->codec = Py_NewRef(codec);
    item->extra = Py_NewRef(extra);
    item->members = members == Py_None ? NULL : Py_NewRef(members);
    if (name != Py_None) {
        item->name = Py_NewRef(name);
        PyUnicode_InternInPlace(&item->name);
    }
    if (PyTuple_GET_SIZE(default_value) > 0) {
        item->default_value = Py_NewRef(PyTuple_GET_ITEM(default_value, 0));
    }
    if (item_parse_element(plan, element, item) < 0) {
        return -1;
    }
    if ((item_use_kind(item, kind) < 0 && item_use_structure(plan->state, item, kind) < 0) ||
        (name != Py_None && !item_is_inside(plan, item))) {
        PyErr_Format(PyExc_ValueError, "no plan for a field of kind %s", kind);
        return -1;
    }
    return item_use_null(item, null);
}

/* The order of encoding must name each field once, the variable ones first. */
static int plan_parse_order(Plan *plan, PyObject *order)
{
    char *seen = PyMem_Calloc((size_t)plan->count + 1, 1);
    int good = seen != NULL && PyTuple_GET_SIZE(order) == plan->count;
    for (Py_ssize_t i = 0; good && i < plan->count; i++) {
        Py_ssize_t at = PyLong_AsSsize_t(PyTuple_GET_ITEM(order, i));
        good = at >= 0 && at < plan->count && !seen[at] &&
               (plan->items[at].variable != FIXED) == (i < plan->variable_count);
        if (good) {
            seen[at] = 1;
            plan->order[i] = at;
        }
    }
    PyMem_Free(seen);
    if (!good && !PyErr_Occurred()) {
        PyErr_SetString(PyExc_ValueError, "the order does not name each field once");
    }
    return good ? 0 : -1;
}

static int plan_parse(Plan *plan, PyObject *fields, PyObject *order)
{
    plan->count = PyTuple_GET_SIZE(fields);
    plan->items = PyMem_Calloc((size_t)plan->count + 1, sizeof(Item));
    plan->order = PyMem_Calloc((size_t)plan->count + 1, sizeof(Py_ssize_t));
    if (plan->items == NULL || plan->order == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < plan->count; i++) {
        if (item_parse(plan, PyTuple_GET_ITEM(fields, i), &plan->items[i]) < 0) {
            return -1;
        }
        if (plan->items[i].name == NULL) {
            PyErr_SetString(PyExc_ValueError, "a field without a name");
            return -1;
        }
        plan->variable_count += plan->items[i].variable != FIXED;
    }
    return plan_parse_order(plan, order) < 0 ? -1 : attributes_make(plan);
}

/* Plan(name, size, big, fields, order, fallback) */
static PyObject *plan_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *name, *fields, *order, *fallback;
    Py_ssize_t size;
    int big;
    PyObject *module = PyType_GetModule(type);
    if (module == NULL || !PyArg_ParseTuple(args, "UnpO!O!O:Plan", &name, &size, &big, &PyTuple_Type, &fields,
                                            &PyTuple_Type, &order, &fallback)) {
        return NULL;
    }
    if (size < 0 || (kwargs != NULL && PyDict_GET_SIZE(kwargs) > 0)) {
        PyErr_SetString(PyExc_ValueError, "Plan() takes six values");
        return NULL;
    }
    Plan *plan = (Plan *)type->tp_alloc(type, 0);
    if (plan == NULL) {
        return NULL;
    }
    plan->module = Py_NewRef(module);
    plan->state = state_of(module);
    plan->name = Py_NewRef(name);
    plan->fallback = Py_NewRef(fallback);
    plan->size = size;
    plan->big = big;
    if (plan_parse(plan, fields, order) < 0) {
        Py_CLEAR(plan);
    }
    return (PyObject *)plan;
}

/* The descriptor of the field of that index. */
static PyObject *plan_field(PyObject *self, PyObject *args)
{
    Plan *plan = (Plan *)self;
    Py_ssize_t index;
    PyObject *declared;
    if (!PyArg_ParseTuple(args, "nO:field", &index, &declared)) {
        return NULL;
    }
    if (index < 0 || index >= plan->count) {
        PyErr_SetString(PyExc_IndexError, "no such field");
        return NULL;
    }
    Field *field = (Field *)plan->state->field_type->tp_alloc(plan->state->field_type, 0);
    if (field != NULL) {
        field->plan = (Plan *)Py_NewRef(self);
        field->item = &plan->items[index];
        field->declared = Py_NewRef(declared);
    }
    return (PyObject *)field;
}

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

static PyMethodDef plan_methods[] = {
    {"field", plan_field, METH_VARARGS, "The descriptor of a field: its index, and the Field of the layout."},
    {"set_checks", plan_set_checks, METH_VARARGS, "The compiled constraints."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot plan_slots[] = {
    {Py_tp_new, plan_new},           {Py_tp_traverse, plan_traverse}, {Py_tp_dealloc, plan_dealloc},
    {Py_tp_methods, plan_methods},   {0, NULL},
};

static PyType_Spec plan_spec = {
    .name = "tlv._native.Plan",
    .basicsize = sizeof(Plan),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = plan_slots,
};

#endif
