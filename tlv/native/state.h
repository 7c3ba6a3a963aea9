/* What one module object owns: its types, its freelist and the Python callables that the core asks.
 *
 * Ownership: every PyObject * here is a strong reference of the module, dropped by state_clear().
 * Plans keep the module alive, and classes and messages keep plans alive, so the state outlives
 * every message. The views on the freelist have no type and no owner: they are bare memory. What
 * loans and free managed buffers refer to holds nothing, so the collector need not see them.
 */
#ifndef TLV_STATE_H
#define TLV_STATE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>
#include <stdint.h>
#include <string.h>

/* What is rare is kept out of the way of what is not. */
#if defined(__GNUC__) || defined(__clang__)
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define RARE __attribute__((noinline, cold))
#else
#define RARE
#define LIKELY(x) (x)
#define UNLIKELY(x) (x)
#endif

#define LOANS_MAX 64            /* memoryviews that messages lend; see lending.h */

/* A freelist is shared by all threads: only the GIL makes that safe. Sanitizer builds go without,
 * so that each view is memory of its own. */
#if !defined(Py_GIL_DISABLED) && !defined(MYCELIUM_NO_FREELIST)
#define FREELIST_MAX 256
#define FREE_MANAGED_MAX 16
#define FREE_BOUND_MAX 16
#define FREE_OWNED_MAX 64       /* for each class */
#define FREE_OWNED_BYTES 512    /* larger messages are left to malloc */
#else
#define FREELIST_MAX 0
#define FREE_MANAGED_MAX 0
#define FREE_BOUND_MAX 0
#define FREE_OWNED_MAX 0
#define FREE_OWNED_BYTES 0
#endif

/* PyObject_InitVar() for memory that was just taken. On a release build of Python 3.11 it comes to
 * these lines, behind three calls; later versions have more to do, and are left to do it. */
static inline void object_init(PyVarObject *object, PyTypeObject *type, Py_ssize_t size)
{
#if PY_VERSION_HEX < 0x030C0000 && !defined(Py_REF_DEBUG) && !defined(Py_TRACE_REFS)
    Py_SET_REFCNT(object, 1);
    Py_SET_TYPE(object, type);
    Py_SET_SIZE(object, size);
    if (PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE)) {
        Py_INCREF(type);
    }
#else
    (void)PyObject_InitVar(object, type, size);
#endif
}

typedef struct message Message;
typedef struct bound Bound;
typedef struct module_state ModuleState;

/* A memoryview of the module, and the message whose bytes it shows; see lending.h. */
typedef struct {
    PyObject *view;              /* or NULL */
    Message *message;            /* borrowed, or NULL */
    ModuleState *state;
} Loan;

struct module_state {
    PyTypeObject *metatype;      /* MessageType */
    PyTypeObject *message_type;  /* base of TLV */
    PyTypeObject *plan_type;
    PyTypeObject *field_type;
    PyTypeObject *group_base;
    PyTypeObject *group_iterator_type;
    PyTypeObject *frame_base;
    PyTypeObject *frame_iterator_type;
    PyTypeObject *bound_type;
    PyObject *build;             /* build_class() of tlv.message */
    PyObject *as_buffer;         /* as_buffer() of tlv.buffers */
    PyObject *group_class;       /* GroupView of tlv.variable, a subclass of group_base */
    PyObject *decimal;           /* decimal.Decimal */
    PyObject *struct_error;      /* struct.error */
    PyObject *field_value_error; /* FieldValueError */
    PyObject *truncated_error;   /* TruncatedError */
    PyObject *content_error;     /* FrameContentError */
    PyObject *no_layout;         /* makes the DeclarationError about TLV itself */
    PyObject *small_ints[256];   /* what fields of one byte give; no cycle goes through them: module_free() drops them */
    Message *free_views;         /* linked by their owner field */
    Py_ssize_t free_count;
    Py_ssize_t free_max;         /* FREELIST_MAX, and 0 once the module is cleared */
    struct item *quick_methods;  /* owned; see attributes.h */
    Bound *free_bound;           /* linked by their self field */
    Py_ssize_t free_bound_count;
    Py_ssize_t free_bound_max;
    PyObject *free_managed[FREE_MANAGED_MAX + 1];
    Py_ssize_t free_managed_count;
    Py_ssize_t free_managed_max; /* the same for these */
    Loan loans[LOANS_MAX];
    Loan *loan_next;             /* to be used next */
    Loan *loans_end;             /* NULL where none is made */
};

#define VISIT_ALL_STATE(X)                                                                          \
    X(metatype) X(message_type) X(plan_type) X(field_type) X(group_base) X(group_iterator_type)      \
    X(frame_base) X(frame_iterator_type) X(bound_type) X(build) X(as_buffer) X(group_class)          \
    X(decimal) X(struct_error) X(field_value_error) X(truncated_error) X(content_error) X(no_layout)

static struct PyModuleDef native_module;

static inline ModuleState *state_of(PyObject *module)
{
    return (ModuleState *)PyModule_GetState(module);
}

#endif
