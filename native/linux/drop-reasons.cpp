/* SPDX-License-Identifier: Apache-2.0 */
#include "drop-reasons.h"

#include <bpf/btf.h>

#include <memory>
#include <string_view>

#include "libbpf-log.h"

namespace fovea {
namespace {

struct FreeBtf {
  void operator()(btf* types) const { btf__free(types); }
};
using Btf = std::unique_ptr<btf, FreeBtf>;

bool append_enum(const btf* types, const char* name, std::string_view prefix, std::vector<DropReason>& reasons) {
  const int id = btf__find_by_name_kind(types, name, BTF_KIND_ENUM);
  if (id < 0) return false;
  const btf_type* type = btf__type_by_id(types, static_cast<uint32_t>(id));
  const struct btf_enum* value = btf_enum(type);
  for (int i = 0; i < btf_vlen(type); i++, value++) {
    std::string_view text = btf__name_by_offset(types, value->name_off);
    if (text.starts_with(prefix)) text.remove_prefix(prefix.size());
    /* Marks of the enum, not reasons. */
    if (text == "MAX" || text == "SUBSYS_MASK") continue;
    reasons.push_back({static_cast<uint32_t>(value->val), std::string(text)});
  }
  return true;
}

}  // namespace

std::vector<DropReason> read_drop_reasons() {
  const LibbpfLog quiet;
  std::vector<DropReason> reasons;
  const Btf kernel(btf__load_vmlinux_btf());
  if (!kernel) return reasons;
  append_enum(kernel.get(), "skb_drop_reason", "SKB_DROP_REASON_", reasons);
  /* Built in or as modules. */
  struct Subsystem {
    const char* module;
    const char* name;
  };
  for (const auto& [module, name] : {Subsystem{"openvswitch", "ovs_drop_reason"}, {"mac80211", "mac80211_drop_reason"}}) {
    if (append_enum(kernel.get(), name, "", reasons)) continue;
    const Btf types(btf__load_module_btf(module, kernel.get()));
    if (types) append_enum(types.get(), name, "", reasons);
  }
  return reasons;
}

}  // namespace fovea
