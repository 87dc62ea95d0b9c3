/* SPDX-License-Identifier: Apache-2.0 */
#include "rodata.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <cstring>
#include <stdexcept>

namespace fovea {
namespace {

struct Shape {
  size_t elements;
  size_t element_bytes;
};

Shape shape_of(const btf* types, uint32_t type_id) {
  const int resolved = btf__resolve_type(types, type_id);
  const btf_type* type = resolved < 0 ? nullptr : btf__type_by_id(types, static_cast<uint32_t>(resolved));
  if (type == nullptr) return {0, 0};
  if (!btf_is_array(type)) return {1, static_cast<size_t>(btf__resolve_size(types, type_id))};
  const struct btf_array* array = btf_array(type);
  return {array->nelems, static_cast<size_t>(btf__resolve_size(types, array->type))};
}

void write_numbers(uint8_t* at, const Shape& shape, const std::vector<uint64_t>& numbers) {
  for (size_t i = 0; i < numbers.size(); i++) {
    uint8_t* element = at + i * shape.element_bytes;
    /* Narrowed through the width's own type, so that the host's byte order does not matter. */
    const auto as8 = static_cast<uint8_t>(numbers[i]);
    const auto as16 = static_cast<uint16_t>(numbers[i]);
    const auto as32 = static_cast<uint32_t>(numbers[i]);
    if (shape.element_bytes == 1) std::memcpy(element, &as8, 1);
    if (shape.element_bytes == 2) std::memcpy(element, &as16, 2);
    if (shape.element_bytes == 4) std::memcpy(element, &as32, 4);
    if (shape.element_bytes == 8) std::memcpy(element, &numbers[i], 8);
  }
}

bpf_map* rodata_map(bpf_object* object) {
  bpf_map* map;
  bpf_object__for_each_map(map, object) {
    const std::string name = bpf_map__name(map);
    if (bpf_map__is_internal(map) && name.ends_with(".rodata")) return map;
  }
  return nullptr;
}

}  // namespace

void write_rodata(bpf_object* object, const Rodata& values, std::set<std::string>& found) {
  bpf_map* map = rodata_map(object);
  const btf* types = bpf_object__btf(object);
  if (map == nullptr || types == nullptr) return;
  size_t bytes = 0;
  auto* data = static_cast<uint8_t*>(const_cast<void*>(static_cast<const void*>(bpf_map__initial_value(map, &bytes))));
  const int section_id = btf__find_by_name_kind(types, ".rodata", BTF_KIND_DATASEC);
  if (data == nullptr || section_id < 0) return;
  const btf_type* section = btf__type_by_id(types, static_cast<uint32_t>(section_id));
  const btf_var_secinfo* variable = btf_var_secinfos(section);
  for (int i = 0; i < btf_vlen(section); i++, variable++) {
    const btf_type* type = btf__type_by_id(types, variable->type);
    const std::string name = btf__name_by_offset(types, type->name_off);
    const auto value = values.find(name);
    if (value == values.end()) continue;
    found.insert(name);
    const Shape shape = shape_of(types, type->type);
    if (value->second.size() > shape.elements || variable->offset + variable->size > bytes)
      throw std::runtime_error(name + ": " + std::to_string(value->second.size()) + " values for " +
                               std::to_string(shape.elements) + " elements");
    write_numbers(data + variable->offset, shape, value->second);
  }
}

}  // namespace fovea
