/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <signal.h>

namespace fovea {

/**
 * Keeps signals from this thread while it lives: the verifier gives up with EAGAIN when one is pending, and a profiler's
 * come faster than it gets through a program.
 */
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

}  // namespace fovea
