# sslrun_test(<folder> CORE|ENGINE SOURCES <f>...): the test binary tests_<folder>, one ctest.
# Tests see golden files through SSLRUN_TEST_DIR; a case that cannot run here calls SKIP_TEST (tests/support/catch.h).
function(sslrun_test folder)
  cmake_parse_arguments(arg "CORE;ENGINE" "" "SOURCES;LINK" ${ARGN})
  if(arg_ENGINE AND NOT TARGET sslrun_engine)
    return()
  endif()
  add_executable(tests_${folder} ${arg_SOURCES})
  target_link_libraries(tests_${folder} PRIVATE sslrun_core sslrun_test_main ${arg_LINK})
  if(arg_ENGINE)
    target_link_libraries(tests_${folder} PRIVATE sslrun_engine)
  endif()
  target_compile_definitions(tests_${folder} PRIVATE SSLRUN_TEST_DIR="${PROJECT_SOURCE_DIR}/tests"
    SSLRUN_SHARED_DATA="${PROJECT_SOURCE_DIR}/../shared/data")
  add_test(NAME ${folder} COMMAND tests_${folder})
  set_tests_properties(${folder} PROPERTIES TIMEOUT 600)
endfunction()
