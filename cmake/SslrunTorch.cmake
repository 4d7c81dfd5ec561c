# Imported targets for one LibTorch folder (the `torch` folder of the Python wheel): lt_cpu, and lt_cuda in a CUDA build.
# Its include folder carries another fmt and protobuf: the link folder below makes the system's fmt win.
if(NOT SSLRUN_TORCH_DIR AND DEFINED ENV{SSLRUN_TORCH_DIR})
  set(SSLRUN_TORCH_DIR $ENV{SSLRUN_TORCH_DIR} CACHE PATH "" FORCE)
endif()
if(NOT EXISTS "${SSLRUN_TORCH_DIR}/lib/libtorch_cpu.so")
  message(FATAL_ERROR "SSLRUN_TORCH_DIR must name a LibTorch 2.11.0 folder that holds lib/libtorch_cpu.so, "
    "got '${SSLRUN_TORCH_DIR}'. scripts/setup.sh fetches one; or configure with -DSSLRUN_ENGINE=OFF")
endif()
foreach(lib c10 torch_cpu c10_cuda torch_cuda)
  add_library(lt::${lib} SHARED IMPORTED)
  set_target_properties(lt::${lib} PROPERTIES
    IMPORTED_LOCATION "${SSLRUN_TORCH_DIR}/lib/lib${lib}.so" IMPORTED_SONAME "lib${lib}.so")
endforeach()

get_target_property(fmt_include fmt::fmt INTERFACE_INCLUDE_DIRECTORIES)
if(NOT fmt_include)
  set(fmt_include /usr/include)
endif()
list(GET fmt_include 0 fmt_include)
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/fmt_first)
file(CREATE_LINK ${fmt_include}/fmt ${PROJECT_BINARY_DIR}/fmt_first/fmt SYMBOLIC)

add_library(lt_cpu INTERFACE)
target_include_directories(lt_cpu BEFORE INTERFACE ${PROJECT_BINARY_DIR}/fmt_first)
target_include_directories(lt_cpu SYSTEM INTERFACE "${SSLRUN_TORCH_DIR}/include"
  "${SSLRUN_TORCH_DIR}/include/torch/csrc/api/include")
target_compile_definitions(lt_cpu INTERFACE AT_PER_OPERATOR_HEADERS USE_DISTRIBUTED USE_C10D_GLOO)
target_link_libraries(lt_cpu INTERFACE lt::torch_cpu lt::c10)

# c10_cuda needs the CUDA runtime only; libtorch_cuda.so is opened at run time where a GPU is wanted (src/dist/device.cpp).
add_library(lt INTERFACE)
target_link_libraries(lt INTERFACE lt_cpu)
if(SSLRUN_CUDA)
  target_link_libraries(lt INTERFACE lt::c10_cuda CUDA::cudart)
endif()
