# The addon for Linux: links the distribution's shared libbpf (its static archive is not position-independent).
find_package(PkgConfig REQUIRED)
pkg_check_modules(LIBBPF IMPORTED_TARGET libbpf>=0.8)
if(NOT LIBBPF_FOUND)
  message(FATAL_ERROR "libbpf is missing: install `libbpf-dev` (Debian, Ubuntu) or `libbpf-devel` (Fedora)")
endif()
find_package(Threads REQUIRED)

file(GLOB ADDON_SOURCES CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/linux/*.cpp)
add_library(addon MODULE ${ADDON_SOURCES})
set_target_properties(addon PROPERTIES
  OUTPUT_NAME fovea
  PREFIX ""
  SUFFIX .node
  LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/native
  CXX_VISIBILITY_PRESET hidden
  VISIBILITY_INLINES_HIDDEN ON)
target_include_directories(addon PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/linux ${ROOT}/bpf/include)
target_include_directories(addon SYSTEM PRIVATE ${NODE_API_INCLUDE} ${NODE_ADDON_INCLUDE})
# Every C++ exception that reaches JavaScript's side becomes an Error there.
target_compile_definitions(addon PRIVATE
  NAPI_VERSION=8 NODE_ADDON_API_CPP_EXCEPTIONS_ALL NODE_GYP_MODULE_NAME=fovea)
target_compile_options(addon PRIVATE -Wall -Wextra -Wconversion -Wno-sign-conversion ${WERROR})
target_link_libraries(addon PRIVATE PkgConfig::LIBBPF Threads::Threads)
