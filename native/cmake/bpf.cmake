# Each bpf/NAME.bpf.c becomes build/bpf/NAME.bpf.o: relocatable (CO-RE), with BTF, without DWARF where llvm-strip exists.
# Tracepoint programs name every argument of their tracepoint: those they do not use are no mistake.
find_program(CLANG NAMES clang clang-19 clang-18 clang-17 clang-16 clang-15 clang-14)
if(NOT CLANG)
  message(FATAL_ERROR "clang is missing: install the package `clang` (Debian, Ubuntu, Fedora)")
endif()
find_program(LLVM_STRIP NAMES llvm-strip llvm-strip-19 llvm-strip-18 llvm-strip-17 llvm-strip-16 llvm-strip-15 llvm-strip-14)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
  set(BPF_ARCH arm64)
else()
  set(BPF_ARCH x86)
endif()

# The BPF target knows no architecture, so asm/types.h is found only through the multiarch folder.
execute_process(COMMAND ${CMAKE_C_COMPILER} -print-multiarch OUTPUT_VARIABLE MULTIARCH OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
set(BPF_INCLUDES -I${ROOT}/bpf/include)
if(MULTIARCH AND EXISTS /usr/include/${MULTIARCH})
  list(APPEND BPF_INCLUDES -idirafter /usr/include/${MULTIARCH})
endif()

set(BPF_OUTPUT ${CMAKE_BINARY_DIR}/bpf)
file(MAKE_DIRECTORY ${BPF_OUTPUT})
file(GLOB BPF_SOURCES CONFIGURE_DEPENDS ${ROOT}/bpf/*.bpf.c)
set(BPF_OBJECTS)
foreach(source ${BPF_SOURCES})
  get_filename_component(name ${source} NAME_WLE)
  set(object ${BPF_OUTPUT}/${name}.o)
  set(strip)
  if(LLVM_STRIP)
    set(strip COMMAND ${LLVM_STRIP} --strip-debug ${object})
  endif()
  add_custom_command(
    OUTPUT ${object}
    COMMAND ${CLANG} -target bpf -mcpu=v3 -g -O2 -Wall -Wextra -Wno-unused-parameter ${WERROR} -D__TARGET_ARCH_${BPF_ARCH} ${BPF_INCLUDES}
            -MD -MF ${object}.d -MT ${object} -c ${source} -o ${object}
    ${strip}
    DEPENDS ${source}
    DEPFILE ${object}.d
    COMMENT "BPF ${name}.o"
    VERBATIM)
  list(APPEND BPF_OBJECTS ${object})
endforeach()
add_custom_target(bpf ALL DEPENDS ${BPF_OBJECTS})
