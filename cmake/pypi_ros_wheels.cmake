# For the ROS wheels of PyPI only (passed as CMAKE_PROJECT_INCLUDE by setup.py and `make colcon`), not for a build
# against a ROS distribution. Two repairs at the end of the configure step:
# 1. the wheels' exported targets name include folders of the machine they were built on, which CMake refuses;
# 2. NumPy's headers are inside the source tree when the virtual environment is (.venv), and CMake refuses to export
#    a target that names them; they are needed only to build.

function(fastgrasp_repair_include_folders)
  get_directory_property(imported IMPORTED_TARGETS)
  get_directory_property(own BUILDSYSTEM_TARGETS)
  foreach(target IN LISTS imported own)
    get_target_property(includes ${target} INTERFACE_INCLUDE_DIRECTORIES)
    if(NOT includes)
      continue()
    endif()
    set(kept "")
    foreach(include IN LISTS includes)
      if(target IN_LIST own AND include MATCHES "^${CMAKE_SOURCE_DIR}/")
        list(APPEND kept "$<BUILD_INTERFACE:${include}>")
      elseif(target IN_LIST own OR include MATCHES "^\\$<" OR EXISTS "${include}")
        list(APPEND kept "${include}")
      endif()
    endforeach()
    set_target_properties(${target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${kept}")
  endforeach()
endfunction()

cmake_language(DEFER DIRECTORY "${CMAKE_SOURCE_DIR}" CALL fastgrasp_repair_include_folders)
