/* Reading and writing one field: a pair of functions for each kind, and the descriptor on the class.
 *
 * Ownership: getters return a new reference and copy what they read, but for nested messages,
 * which are views of the same owner. Putters keep nothing of the value.
 * A putter that fails leaves any exception: the constructor has the twin say which field is wrong.
 */
#ifndef TLV_FIELDS_H
#define TLV_FIELDS_H

#include "groups.h"
#include "numbers.h"

/* ---- integers, floats, booleans ---- */

#define LONG_FROM_I64(v) int_from_i64(v)
#define LONG_FROM_U64(v) PyLong_FromUnsignedLongLong((unsigned long long)(v))

static PyObject *get_i64(const Item *item, Message *m, const char *p)
{
    (void)item, (void)m;
    return LONG_FROM_I64((int64_t)load_uint(p, 8, 0));
}

static PyObject *get_u32(const Item *item, Message *m, const char *p)
{
    (void)item, (void)m;
    return LONG_FROM_I64((int64_t)load_uint(p, 4, 0));
}

static PyObject *get_signed(const Item *item, Message *m, const char *p)
{
    (void)m;
    return LONG_FROM_I64(load_int(p, item->size, item->big));
}

static PyObject *get_unsigned(const Item *item, Message *m, const char *p)
{
    (void)m;
    return LONG_FROM_U64(load_uint(p, item->size, item->big));
}

static PyObject *get_wide(const Item *item, Message *m, const char *p)
{
    (void)m;
    return int_from_bytes(p, item->size, item->big, item->is_signed);
}

static PyObject *get_float(const Item *item, Message *m, const char *p)
{
    (void)m;
    return PyFloat_FromDouble(load_double(p, item->size, item->big));
}

static PyObject *get_bool(const Item *item, Message *m, const char *p)
{
    (void)item, (void)m;
    return PyBool_FromLong(*p != 0);
}

static int out_of_range(void)
{
    PyErr_SetString(PyExc_OverflowError, "the integer does not fit");
    return -1;
}

/* The same for all integers; number is an int. */
static int put_int(const Item *item, PyObject *number, char *p)
{
    if (item->size > 8) {
        return int_to_bytes(number, p, item->size, item->big, item->is_signed);
    }
    int64_t v;
    if (UNLIKELY(!int_to_i64(number, &v))) {
        if (item->is_signed || item->size < 8) {
            return out_of_range();
        }
        unsigned long long u = PyLong_AsUnsignedLongLong(number);
        if (u == (unsigned long long)-1 && PyErr_Occurred()) {
            return -1;
        }
        store_uint(p, 8, item->big, u);
        return 0;
    }
    if (UNLIKELY(v < item->low || (v >= 0 && (uint64_t)v > item->high))) {
        return out_of_range();
    }
    store_uint(p, item->size, item->big, (uint64_t)v);
    return 0;
}

static int put_index(const Item *item, PyObject *value, char *p)
{
    PyObject *number = PyNumber_Index(value);
    if (number == NULL) {
        return -1;
    }
    int result = put_int(item, number, p);
    Py_DECREF(number);
    return result;
}

static int put_integer(const Item *item, PyObject *value, char *p)
{
    return LIKELY(PyLong_Check(value)) ? put_int(item, value, p) : put_index(item, value, p);
}

static int put_float(const Item *item, PyObject *value, char *p)
{
    double v = PyFloat_AsDouble(value);
    if (UNLIKELY(v == -1.0 && PyErr_Occurred())) {
        /* As struct does, whatever __float__ raised. */
        PyErr_SetString(PyExc_TypeError, "required argument is not a float");
        return -1;
    }
    return store_double(p, item->size, item->big, v);
}

static int put_bool(const Item *item, PyObject *value, char *p)
{
    (void)item;
    if (value != Py_True && value != Py_False) {
        PyErr_SetString(PyExc_TypeError, "not a bool");
        return -1;
    }
    *p = value == Py_True;
    return 0;
}

/* ---- what the codec of the twin packs: numbers, or bytes of the size of the field ---- */

static int put_packed(const Item *item, PyObject *packed, char *p)
{
    if (PyLong_Check(packed) && item->size <= 8) {
        return put_int(item, packed, p);
    }
    if (PyBytes_Check(packed) && PyBytes_GET_SIZE(packed) <= item->size) {
        Py_ssize_t size = PyBytes_GET_SIZE(packed);
        memcpy(p, PyBytes_AS_STRING(packed), (size_t)size);
        memset(p + size, 0, (size_t)(item->size - size));
        return 0;
    }
    PyErr_SetString(PyExc_TypeError, "the codec packed something else");
    return -1;
}

static int put_by_codec(const Item *item, PyObject *value, char *p)
{
    PyObject *packed = PyObject_CallMethod(item->codec, "encode", "(O)", value);
    if (packed == NULL) {
        return -1;
    }
    int result = put_packed(item, packed, p);
    Py_DECREF(packed);
    return result;
}

static PyObject *get_stored_integer(const Item *item, const char *p)
{
    if (item->size > 8) {
        return get_wide(item, NULL, p);
    }
    return item->is_signed ? get_signed(item, NULL, p) : get_unsigned(item, NULL, p);
}

/* ---- enums, decimals ---- */

static PyObject *get_enum(const Item *item, Message *m, const char *p)
{
    (void)m;
    PyObject *number = get_stored_integer(item, p);
    if (number == NULL) {
        return NULL;
    }
    PyObject *value = PyDict_GetItemWithError(item->extra, number);
    if (LIKELY(value != NULL)) {
        Py_INCREF(value);
    }
    else if (!PyErr_Occurred()) {
        value = PyObject_CallMethod(item->codec, "member", "(O)", number); /* a combined flag, or none */
    }
    Py_DECREF(number);
    return value;
}

static int put_enum(const Item *item, PyObject *value, char *p)
{
    if (LIKELY(PyLong_CheckExact(value) || (PyObject *)Py_TYPE(value) == item->members)) {
        return put_int(item, value, p);
    }
    return put_by_codec(item, value, p);
}

static PyObject *get_decimal(const Item *item, Message *m, const char *p)
{
    (void)m;
    PyObject *number = get_stored_integer(item, p);
    PyObject *text = number == NULL ? NULL : PyUnicode_FromFormat("%Se-%zd", number, item->digits);
    PyObject *value = text == NULL ? NULL : PyObject_CallOneArg(item->plan->state->decimal, text);
    Py_XDECREF(text);
    Py_XDECREF(number);
    return value;
}

/* ---- bytes and text of a fixed size ---- */

static PyObject *get_bytes(const Item *item, Message *m, const char *p)
{
    (void)m;
    return PyBytes_FromStringAndSize(p, item->size);
}

static int put_bytes(const Item *item, PyObject *value, char *p)
{
    if (LIKELY(PyBytes_CheckExact(value) && PyBytes_GET_SIZE(value) == item->size)) {
        memcpy(p, PyBytes_AS_STRING(value), (size_t)item->size);
        return 0;
    }
    return put_by_codec(item, value, p);
}

/* The twin's error about text that is not UTF-8, in place of the one that is set. */
static PyObject *text_refused(const Item *item, const char *p, Py_ssize_t size)
{
    PyObject *type, *cause, *trace;
    if (!PyErr_ExceptionMatches(PyExc_UnicodeDecodeError) || item->name == NULL) {
        return NULL;
    }
    PyErr_Fetch(&type, &cause, &trace);
    PyErr_NormalizeException(&type, &cause, &trace);
    plan_raise(item->plan, "text_refused", Py_BuildValue("(Oy#O)", item->name, p, size, cause));
    Py_XDECREF(type);
    Py_XDECREF(cause);
    Py_XDECREF(trace);
    return NULL;
}

static Py_ssize_t text_length(const char *p, Py_ssize_t size)
{
    while (size > 0 && p[size - 1] == '\0') {
        size--;
    }
    return size;
}

static PyObject *get_text(const Item *item, Message *m, const char *p)
{
    (void)m;
    PyObject *text = PyUnicode_DecodeUTF8(p, text_length(p, item->size), NULL);
    return LIKELY(text != NULL) ? text : text_refused(item, p, item->size);
}

static int put_text(const Item *item, PyObject *value, char *p)
{
    if (PyUnicode_CheckExact(value) && PyUnicode_IS_COMPACT_ASCII(value)) {
        Py_ssize_t length = PyUnicode_GET_LENGTH(value);
        const char *text = (const char *)PyUnicode_1BYTE_DATA(value);
        if (length <= item->size && memchr(text, 0, (size_t)length) == NULL) {
            memcpy(p, text, (size_t)length);
            memset(p + length, 0, (size_t)(item->size - length));
            return 0;
        }
    }
    return put_by_codec(item, value, p);
}

/* ---- nested messages and arrays ---- */

static PyObject *get_nested(const Item *item, Message *m, const char *p)
{
    return message_view(item->plan->state, (PyTypeObject *)item->extra, message_owner(m), p, item->size);
}

static int put_nested(const Item *item, PyObject *value, char *p)
{
    if (UNLIKELY((PyObject *)Py_TYPE(value) != item->extra || Py_SIZE(value) != item->size)) {
        PyErr_SetString(PyExc_TypeError, "not the nested message");
        return -1;
    }
    memcpy(p, ((Message *)value)->data, (size_t)item->size);
    return 0;
}

static PyObject *get_array(const Item *item, Message *m, const char *p)
{
    PyObject *values = PyTuple_New(item->count);
    for (Py_ssize_t i = 0; values != NULL && i < item->count; i++) {
        PyObject *value = item->element->get(item->element, m, p + i * item->element->size);
        if (value == NULL) {
            Py_CLEAR(values);
        }
        else {
            PyTuple_SET_ITEM(values, i, value);
        }
    }
    if (values == NULL && PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) {
        return text_refused(item, p, item->size);
    }
    return values;
}

/* values is a tuple: a list would be at the mercy of the conversions. */
static int put_array_items(const Item *item, PyObject *values, char *p)
{
    if (PyTuple_GET_SIZE(values) != item->count) {
        PyErr_SetString(PyExc_ValueError, "another number of elements");
        return -1;
    }
    for (Py_ssize_t i = 0; i < item->count; i++) {
        if (item->element->put(item->element, PyTuple_GET_ITEM(values, i), p + i * item->element->size) < 0) {
            return -1;
        }
    }
    return 0;
}

static int put_array(const Item *item, PyObject *value, char *p)
{
    if (PyTuple_CheckExact(value) || PyList_CheckExact(value)) {
        PyObject *values = PySequence_Tuple(value);
        int result = values == NULL ? -1 : put_array_items(item, values, p);
        Py_XDECREF(values);
        if (result == 0 || !PyErr_ExceptionMatches(PyExc_Exception)) {
            return result;
        }
        PyErr_Clear(); /* the twin raises it again, with the name of the field */
    }
    PyObject *packed = item->name == NULL
                           ? PyObject_CallMethod(item->codec, "encode", "(O)", value)
                           : PyObject_CallMethod(item->plan->fallback, "encode", "OO", item->name, value);
    if (packed == NULL) {
        return -1;
    }
    int result = put_packed(item, packed, p);
    Py_DECREF(packed);
    return result;
}

/* ---- optional values ---- */

static const char *null_of(const Item *item)
{
    return item->null_long != NULL ? item->null_long : item->null_bytes;
}

static int is_null(const Item *item, const char *p)
{
    if (item->is_float) {
        double v = load_double(p, item->size, item->big);
        return item->is_null_nan ? v != v : v == item->null_number;
    }
    return memcmp(p, null_of(item), (size_t)item->size) == 0;
}

static PyObject *get_optional(const Item *item, Message *m, const char *p)
{
    if (is_null(item, p)) {
        Py_RETURN_NONE;
    }
    return item->get_inner(item, m, p);
}

static int put_optional(const Item *item, PyObject *value, char *p)
{
    if (value == Py_None) {
        memcpy(p, null_of(item), (size_t)item->size);
        return 0;
    }
    if (item->put_inner(item, value, p) < 0) {
        return -1;
    }
    if (is_null(item, p)) {
        PyErr_SetString(PyExc_ValueError, "this value is the declared null");
        return -1;
    }
    return 0;
}

/* ---- data after the fixed block ---- */

typedef struct {
    Py_ssize_t start; /* in the message */
    Py_ssize_t count;
    Py_ssize_t step;  /* groups */
    Py_ssize_t end;
} Place;

#define VARIABLE_SIZE_MAX ((uint64_t)16 * 1024 * 1024)
#define GROUP_COUNT_MAX 65535u

/* Where the data of a variable field lies in a message of `available` bytes; all of it is checked.
 * -1 with FieldBoundsError set. */
static int locate(const Item *item, const char *data, Py_ssize_t available, Place *place)
{
    const char *p = data + item->offset;
    uint64_t offset = load_u32_once(p, item->big);
    uint64_t count = load_u32_once(p + 4, item->big);
    uint64_t size = (uint64_t)available;
    *place = (Place){0, 0, item->group_size, 0};
    if (count == 0) {
        return 0;
    }
    if (item->variable != GROUP) {
        if (offset + count <= size && count <= VARIABLE_SIZE_MAX) {
            *place = (Place){(Py_ssize_t)offset, (Py_ssize_t)count, 1, (Py_ssize_t)(offset + count)};
            return 0;
        }
    }
    else if (offset + 8 <= size && count <= GROUP_COUNT_MAX) {
        uint64_t step = load_u32_once(data + offset, item->big);
        uint64_t end = offset + 8 + count * step;
        if (step >= (uint64_t)item->group_size && end <= size) {
            *place = (Place){(Py_ssize_t)offset + 8, (Py_ssize_t)count, (Py_ssize_t)step, (Py_ssize_t)end};
            return 0;
        }
    }
    return plan_raise(item->plan, "bounds",
                      Py_BuildValue("(OKKn)", item->name, (unsigned long long)offset, (unsigned long long)count,
                                    available));
}

static PyObject *get_variable(const Item *item, Message *m, const char *p)
{
    Place place;
    (void)p;
    if (locate(item, m->data, Py_SIZE(m), &place) < 0) {
        return NULL;
    }
    const char *start = m->data + place.start;
    if (item->variable == VARIABLE_BYTES) {
        return PyBytes_FromStringAndSize(start, place.count);
    }
    if (item->variable == VARIABLE_TEXT) {
        PyObject *text = PyUnicode_DecodeUTF8(start, place.count, NULL);
        return text != NULL ? text : text_refused(item, start, place.count);
    }
    Py_ssize_t first = place.count == 0 ? 8 : place.start; /* 8: as the twin has it */
    return group_new(item->plan->state, (PyTypeObject *)item->extra, m, first, place.count, place.step);
}

/* ---- the descriptor ---- */

typedef struct {
    PyObject_HEAD
    Plan *plan;        /* strong */
    const Item *item;  /* of plan */
    PyObject *declared; /* the Field of the layout; strong */
} Field;

static PyObject *field_descr_get(PyObject *self, PyObject *object, PyObject *type)
{
    const Item *item = ((Field *)self)->item;
    (void)type;
    if (object == NULL) {
        return Py_NewRef(self);
    }
    if (UNLIKELY(!is_message(object) || Py_SIZE(object) < item->end)) {
        PyErr_Format(PyExc_TypeError, "%U.%U cannot be read from %s", item->plan->name, item->name,
                     Py_TYPE(object)->tp_name);
        return NULL;
    }
    Message *m = (Message *)object;
    return item->get(item, m, m->data + item->offset);
}

static int field_descr_set(PyObject *self, PyObject *object, PyObject *value)
{
    const Item *item = ((Field *)self)->item;
    (void)object, (void)value;
    return plan_raise(item->plan, "immutable", Py_BuildValue("(O)", item->name));
}

static PyObject *field_get_field(PyObject *self, void *closure)
{
    (void)closure;
    return Py_NewRef(((Field *)self)->declared);
}

static PyObject *field_get_doc(PyObject *self, void *closure)
{
    (void)closure;
    PyObject *doc = PyObject_GetAttrString(((Field *)self)->declared, "doc");
    if (doc != NULL && PyUnicode_Check(doc) && PyUnicode_GET_LENGTH(doc) == 0) {
        Py_SETREF(doc, Py_NewRef(Py_None));
    }
    return doc;
}

static PyObject *field_get_name(PyObject *self, void *closure)
{
    (void)closure;
    return Py_NewRef(((Field *)self)->item->name);
}

static PyObject *field_repr(PyObject *self)
{
    const Item *item = ((Field *)self)->item;
    return PyUnicode_FromFormat("<field %U.%U>", item->plan->name, item->name);
}

static int field_traverse(Field *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->plan);
    Py_VISIT(self->declared);
    return 0;
}

static void field_dealloc(Field *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_XDECREF(self->plan);
    Py_XDECREF(self->declared);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyGetSetDef field_getset[] = {
    {"field", field_get_field, NULL, "Where the field lies and what it is.", NULL},
    {"__doc__", field_get_doc, NULL, NULL, NULL},
    {"__name__", field_get_name, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot field_slots[] = {
    {Py_tp_descr_get, field_descr_get}, {Py_tp_descr_set, field_descr_set}, {Py_tp_getset, field_getset},
    {Py_tp_repr, field_repr},           {Py_tp_traverse, field_traverse},   {Py_tp_dealloc, field_dealloc},
    {0, NULL},
};

static PyType_Spec field_spec = {
    .name = "tlv._native.FieldProperty",
    .basicsize = sizeof(Field),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = field_slots,
};

#endif
