import { execFileSync } from 'node:child_process'

/** A network namespace with loopback up; its ports are nobody else's. Needs CAP_SYS_ADMIN and CAP_NET_ADMIN. */
export class NetworkNamespace {
  readonly name: string

  /** @param purpose becomes a part of the name, beside the pid */
  constructor(purpose: string) {
    this.name = `fovea-${purpose}-${process.pid}`
    execFileSync('ip', ['netns', 'add', this.name])
    execFileSync(...this.command('ip', 'link', 'set', 'lo', 'up'))
  }

  /** The command that runs `command` inside. Unlike `ip netns exec` it leaves /sys, and with it bpffs and tracefs, as they are. */
  command(...command: readonly string[]): [program: string, args: string[]] {
    return ['nsenter', [`--net=/var/run/netns/${this.name}`, ...command]]
  }

  remove(): void {
    execFileSync('ip', ['netns', 'del', this.name])
  }
}
