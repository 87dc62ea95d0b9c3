/* SPDX-License-Identifier: Apache-2.0 */
#include "netlink.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>

namespace fovea {
namespace {

/* The kernel fills dumps in pieces of at most 32 KiB (net/netlink/af_netlink.c, netlink_dump). */
constexpr size_t kBufferBytes = 32 * 1024;
/* Room for announcements while this thread is busy attaching. */
constexpr int kReceiveBytes = 1024 * 1024;
/* A list that changes each time it is told (pods come and go) is asked for so often. */
constexpr int kAttempts = 4;

void each_message(const uint8_t* data, size_t bytes, const OnMessage& visit) {
  auto left = static_cast<int>(bytes);
  const auto* message = reinterpret_cast<const nlmsghdr*>(data);
  /* Below 0 where the last message ends without its padding. */
  while (left > 0 && NLMSG_OK(message, static_cast<uint32_t>(left))) {
    visit(message);
    message = NLMSG_NEXT(message, left);
  }
}

/** The errno at the start of an NLMSG_ERROR, or at that of an NLMSG_DONE: how a dump tells that it failed half-way. */
int told_error(const nlmsghdr* message) {
  int error = 0;
  if (message->nlmsg_len >= NLMSG_LENGTH(sizeof(error)))
    std::memcpy(&error, NLMSG_DATA(message), sizeof(error));
  else if (message->nlmsg_type == NLMSG_ERROR)
    return EBADMSG;
  return -error;
}

/** What one datagram says about the request `sequence`: nothing yet, or its end with an errno. */
std::optional<int> read_answer(const uint8_t* data, size_t bytes, uint32_t sequence, const OnMessage& on_message) {
  std::optional<int> end;
  each_message(data, bytes, [&](const nlmsghdr* message) {
    if (end || message->nlmsg_seq != sequence) return;
    if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR)
      end = told_error(message);
    else
      on_message(message);
  });
  return end;
}

}  // namespace

Request::Request(uint16_t type, uint16_t flags) {
  nlmsghdr header{};
  header.nlmsg_type = type;
  header.nlmsg_flags = static_cast<uint16_t>(flags | NLM_F_REQUEST);
  append(&header, sizeof(header));
}

void Request::append(const void* data, size_t bytes) {
  const size_t at = bytes_.size();
  bytes_.resize(at + NLMSG_ALIGN(bytes));
  if (bytes > 0) std::memcpy(bytes_.data() + at, data, bytes);
}

Request& Request::attribute(uint16_t type, const void* data, size_t bytes) {
  const rtattr header{static_cast<uint16_t>(RTA_LENGTH(bytes)), type};
  append(&header, sizeof(header));
  append(data, bytes);
  return *this;
}

Request& Request::attribute(uint16_t type, std::string_view text) {
  const std::string terminated(text);
  return attribute(type, terminated.c_str(), terminated.size() + 1);
}

size_t Request::begin(uint16_t type) {
  const size_t at = bytes_.size();
  attribute(type, nullptr, 0);
  return at;
}

void Request::end(size_t begun) {
  reinterpret_cast<rtattr*>(bytes_.data() + begun)->rta_len = static_cast<uint16_t>(bytes_.size() - begun);
}

const std::vector<uint8_t>& Request::message(uint32_t sequence) {
  auto* header = reinterpret_cast<nlmsghdr*>(bytes_.data());
  header->nlmsg_len = static_cast<uint32_t>(bytes_.size());
  header->nlmsg_seq = sequence;
  return bytes_;
}

Attributes::Attributes(const nlmsghdr* message, size_t header_bytes)
    : first_(reinterpret_cast<const rtattr*>(static_cast<const uint8_t*>(NLMSG_DATA(message)) +
                                             NLMSG_ALIGN(header_bytes))),
      bytes_(static_cast<int>(message->nlmsg_len) - static_cast<int>(NLMSG_SPACE(header_bytes))) {}

Attributes::Attributes(const rtattr* nest)
    : first_(nest == nullptr ? nullptr : static_cast<const rtattr*>(RTA_DATA(nest))),
      bytes_(nest == nullptr ? 0 : static_cast<int>(RTA_PAYLOAD(nest))) {}

const rtattr* Attributes::find(uint16_t type) const {
  int left = bytes_;
  for (const rtattr* attribute = first_; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left))
    if ((attribute->rta_type & NLA_TYPE_MASK) == type) return attribute;
  return nullptr;
}

uint32_t Attributes::number(uint16_t type) const {
  const rtattr* attribute = find(type);
  uint32_t number = 0;
  if (attribute != nullptr && RTA_PAYLOAD(attribute) >= sizeof(number))
    std::memcpy(&number, RTA_DATA(attribute), sizeof(number));
  return number;
}

std::string Attributes::text(uint16_t type) const {
  const rtattr* attribute = find(type);
  if (attribute == nullptr) return "";
  const auto* text = static_cast<const char*>(RTA_DATA(attribute));
  return {text, strnlen(text, RTA_PAYLOAD(attribute))};
}

Netlink::Netlink(uint32_t groups, int protocol) : buffer_(kBufferBytes) {
  socket_ = Descriptor(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  if (!socket_) throw std::system_error(errno, std::system_category(), "open a netlink socket");
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = groups;
  /* More room where CAP_NET_ADMIN lets us; what does not fit ends as ENOBUFS and a new dump. */
  setsockopt(fd(), SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBytes, sizeof(kReceiveBytes));
  if (bind(fd(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0)
    throw std::system_error(errno, std::system_category(), "bind a netlink socket");
}

int Netlink::transact(Request& request, const OnMessage& on_message) {
  const auto& message = request.message(++sequence_);
  if (send(fd(), message.data(), message.size(), 0) < 0) return errno;
  changed_ = false;
  const auto look = [&](const nlmsghdr* answer) {
    if (on_message) on_message(answer);
  };
  for (;;) {
    /* With MSG_TRUNC it says how long the datagram is, whatever of it found room. */
    const ssize_t bytes = recv(fd(), buffer_.data(), buffer_.size(), MSG_TRUNC);
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) return errno;
    if (static_cast<size_t>(bytes) > buffer_.size()) return EMSGSIZE;
    note_change(static_cast<size_t>(bytes));
    const auto end = read_answer(buffer_.data(), static_cast<size_t>(bytes), sequence_, look);
    if (end) return *end;
  }
}

int Netlink::list(Request& request, const std::function<void()>& begin, const OnMessage& on_message) {
  for (int attempt = 0; attempt < kAttempts; attempt++) {
    begin();
    const int error = transact(request, on_message);
    if (error != 0 || !changed_) return error;
  }
  begin();
  return EINTR;
}

void Netlink::note_change(size_t bytes) {
  each_message(buffer_.data(), bytes, [&](const nlmsghdr* message) {
    if (message->nlmsg_seq == sequence_ && (message->nlmsg_flags & NLM_F_DUMP_INTR) != 0) changed_ = true;
  });
}

int Netlink::receive(const OnMessage& on_message) {
  for (;;) {
    const ssize_t bytes = recv(fd(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) return errno == ENOBUFS ? ENOBUFS : 0;
    /* Whatever their number is: 0, or that of the request of somebody else who asked for an echo. */
    each_message(buffer_.data(), static_cast<size_t>(bytes), on_message);
  }
}

}  // namespace fovea
