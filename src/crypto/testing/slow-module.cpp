// A PKCS#11 module for tests: SoftHSM2, whose C_Sign answers nothing while the file named by SLOW_MODULE_FILE is there.
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>
#define CK_PTR *
#define CK_DECLARE_FUNCTION(returnType, name) returnType name
#define CK_DECLARE_FUNCTION_POINTER(returnType, name) returnType(*name)
#define CK_CALLBACK_FUNCTION(returnType, name) returnType(*name)
#ifndef NULL_PTR
#define NULL_PTR 0
#endif
#include <pkcs11/pkcs11.h>

static CK_FUNCTION_LIST list;
static CK_C_Sign sign;

static CK_RV slowSign(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG length, CK_BYTE_PTR out, CK_ULONG_PTR outLength) {
  const char *file = getenv("SLOW_MODULE_FILE");
  while (file && access(file, F_OK) == 0) usleep(1000);
  return sign(session, data, length, out, outLength);
}

extern "C" CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR result) {
  void *library = dlopen(getenv("SLOW_MODULE_TARGET"), RTLD_NOW);
  CK_C_GetFunctionList real = library ? (CK_C_GetFunctionList)dlsym(library, "C_GetFunctionList") : 0;
  CK_FUNCTION_LIST_PTR found = 0;
  if (!real || real(&found) != CKR_OK) return CKR_GENERAL_ERROR;
  list = *found;
  sign = found->C_Sign;
  list.C_Sign = slowSign;
  *result = &list;
  return CKR_OK;
}
