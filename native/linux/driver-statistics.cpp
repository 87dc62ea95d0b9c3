/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "interface-statistics.h"

namespace fovea {
namespace {

/* A request answered by so many statistics is not believed: mlx5 with 128 queues has about 5,000. */
constexpr uint32_t kMostStatistics = 65'536;

/** One ETHTOOL_ command on an interface (`man 4 netdevice`; linux/ethtool.h). */
class Ethtool {
 public:
  Ethtool(int fd, const std::string& name) : fd_(fd) {
    name.copy(request_.ifr_name, sizeof(request_.ifr_name) - 1);
  }

  int ask(void* command) {
    request_.ifr_data = static_cast<char*>(command);
    return ioctl(fd_, SIOCETHTOOL, &request_) == 0 ? 0 : errno;
  }

 private:
  int fd_;
  ifreq request_{};
};

int count_statistics(Ethtool& ethtool, uint32_t& count) {
  /* The header, and one number per set asked for. */
  std::array<uint64_t, (sizeof(ethtool_sset_info) + sizeof(uint32_t)) / sizeof(uint64_t) + 1> room{};
  auto* info = reinterpret_cast<ethtool_sset_info*>(room.data());
  info->cmd = ETHTOOL_GSSET_INFO;
  info->sset_mask = 1ULL << ETH_SS_STATS;
  const int error = ethtool.ask(info);
  /* The kernel clears the bits of sets that the driver does not have. */
  count = error == 0 && info->sset_mask != 0 ? info->data[0] : 0;
  return error;
}

}  // namespace

int read_driver(int fd, const std::string& name, size_t limit, DriverStatistics& driver) {
  Ethtool ethtool(fd, name);
  uint32_t count = 0;
  const int error = count_statistics(ethtool, count);
  /* No ethtool operations at all, as with a bridge of an old kernel: nothing to tell. */
  if (error == EOPNOTSUPP) return 0;
  if (error != 0 || count == 0) return error;
  if (count > kMostStatistics) return E2BIG;

  /* The driver may have more by now than it said (a queue was added), and writes as many as it has: room for twice. */
  std::vector<uint64_t> names((sizeof(ethtool_gstrings) + 2 * size_t{count} * ETH_GSTRING_LEN) / 8 + 1);
  auto* strings = reinterpret_cast<ethtool_gstrings*>(names.data());
  strings->cmd = ETHTOOL_GSTRINGS;
  strings->string_set = ETH_SS_STATS;
  strings->len = count;
  if (const int failed = ethtool.ask(strings); failed != 0) return failed;

  std::vector<uint64_t> values(sizeof(ethtool_stats) / 8 + 2 * size_t{count});
  auto* stats = reinterpret_cast<ethtool_stats*>(values.data());
  stats->cmd = ETHTOOL_GSTATS;
  stats->n_stats = count;
  if (const int failed = ethtool.ask(stats); failed != 0) return failed;

  /* Changed between the questions: names and values would not belong together. */
  if (strings->len != count || stats->n_stats != count) return EAGAIN;
  for (uint32_t i = 0; i < count; i++) {
    if (driver.statistics.size() >= limit) {
      driver.left_out = count - i;
      break;
    }
    const auto* text = reinterpret_cast<const char*>(strings->data) + size_t{i} * ETH_GSTRING_LEN;
    driver.statistics.push_back({std::string(text, strnlen(text, ETH_GSTRING_LEN)), stats->data[i]});
  }
  return 0;
}

}  // namespace fovea
