// Loads the TensorFlow binding that lies beside this file, without the two lines that libtensorflow 2.17 and
// newer print from their static initialisers ("oneDNN custom operations are on", and a warning about the first
// line). No environment variable silences them, and turning oneDNN off would cost speed. Standard error is
// caught while the library loads; every other line that it printed is passed on.

#include <dlfcn.h>
#include <node_api.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>

namespace {

bool is_known_noise(const char* line) {
  return strstr(line, "before absl::InitializeLog() is called") || strstr(line, "oneDNN custom operations are on");
}

void* open_quietly(const char* path) {
  FILE* caught = tmpfile();
  const int saved = caught ? dup(STDERR_FILENO) : -1;
  if (saved < 0) {
    if (caught) fclose(caught);
    return dlopen(path, RTLD_NOW | RTLD_LOCAL);
  }
  dup2(fileno(caught), STDERR_FILENO);
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  fflush(stderr);
  dup2(saved, STDERR_FILENO);
  close(saved);
  rewind(caught);
  char line[4096];
  while (fgets(line, sizeof line, caught)) {
    if (!is_known_noise(line)) fputs(line, stderr);
  }
  fclose(caught);
  return library;
}

}  // namespace

NAPI_MODULE_INIT() {
  Dl_info self;
  if (!dladdr(reinterpret_cast<void*>(&open_quietly), &self) || !self.dli_fname) {
    napi_throw_error(env, nullptr, "the TensorFlow loader cannot tell where it lies");
    return nullptr;
  }
  std::string path(self.dli_fname);
  path.resize(path.rfind('/') + 1);
  path += "tfjs_binding_tensorflow.node";
  void* library = open_quietly(path.c_str());
  if (!library) {
    napi_throw_error(env, nullptr, dlerror());
    return nullptr;
  }
  using Init = napi_value (*)(napi_env, napi_value);
  const auto init = reinterpret_cast<Init>(dlsym(library, "napi_register_module_v1"));
  if (!init) {
    napi_throw_error(env, nullptr, "tfjs_binding_tensorflow.node exports no napi_register_module_v1");
    return nullptr;
  }
  return init(env, exports);
}
