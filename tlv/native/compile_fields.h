/* From what tlv.native_core says of a field to an Item: runs once for each field of a class.
 *
 * Ownership: an item owns what it has so far, so that any failure just drops the plan.
 * Everything is checked here, since the getters trust the plan.
 */
#ifndef TLV_COMPILE_FIELDS_H
#define TLV_COMPILE_FIELDS_H

#include "construct.h"

static int item_is_inside(Plan *plan, const Item *item)
{
    return item->offset >= 0 && item->size >= 0 && item->offset <= plan->size - item->size;
}

static Getter integer_getter(const Item *item)
{
    if (item->size > 8) {
        return get_wide;
    }
    if (item->size == 1 && !item->is_signed) {
        return get_u8;
    }
    if (item->size == 8 && item->is_signed && !item->big) {
        return get_i64;
    }
    if (item->size == 4 && !item->big) {
        return item->is_signed ? get_i32 : get_u32;
    }
    return item->is_signed ? get_signed : get_unsigned;
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
    }
    item->get_inner = integer_getter(item);
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
        const Item *element = item->element;
        return element != NULL && element->offset == 0 && item->count > 0 &&
                       item->size / item->count == element->size && item->size % item->count == 0
                   ? 0
                   : -1;
    }
    if (strcmp(kind, "nested") == 0) {
        item->get_inner = get_nested;
        item->put_inner = put_nested;
        return inner != NULL && inner->size == item->size && inner->variable_count == 0 ? 0 : -1;
    }
    item->get_inner = get_variable;
    item->put_inner = NULL; /* see parts.h */
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
    item->small_ints = plan->state->small_ints;
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

#endif
