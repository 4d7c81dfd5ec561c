// std::source_location for clang 14 and 15, whose builtin libstdc++ does not find: included ahead of
// everything in the fuzz build.
#pragma once
#include <source_location>

#ifndef __cpp_lib_source_location
namespace std {

class source_location {
 public:
  static constexpr source_location current(const char* file = __builtin_FILE(),
                                           unsigned line = __builtin_LINE(),
                                           const char* function = __builtin_FUNCTION()) {
    source_location here;
    here.file_ = file;
    here.line_ = line;
    here.function_ = function;
    return here;
  }

  constexpr const char* file_name() const { return file_; }

  constexpr const char* function_name() const { return function_; }

  constexpr unsigned line() const { return line_; }

 private:
  const char* file_ = "";
  const char* function_ = "";
  unsigned line_ = 0;
};

}  // namespace std
#endif
