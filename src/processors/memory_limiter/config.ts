import type { ConfigSpec, Problem } from '../../pipeline/component.ts'

/** Settings of the `memory_limiter` processor, with the Collector's keys; intervals in milliseconds. */
export interface MemoryLimiterConfig {
  check_interval: number
  limit_mib: number
  spike_limit_mib: number
  limit_percentage: number
  spike_limit_percentage: number
  min_gc_interval_when_soft_limited: number
  min_gc_interval_when_hard_limited: number
  max_gc_interval_when_soft_limited: number
  max_gc_interval_when_hard_limited: number
}

export const memoryLimiterConfig: ConfigSpec<MemoryLimiterConfig> = {
  schema: {
    check_interval: { doc: 'how often memory is measured', format: 'duration', default: '1s' },
    limit_mib: { doc: 'hard limit; wins over limit_percentage; 0 = not set', format: 'nat', default: 0 },
    spike_limit_mib: {
      doc: 'what may come between two checks: the soft limit is that much lower; 0 = 20 % of the limit',
      format: 'nat',
      default: 0,
    },
    limit_percentage: {
      doc: 'hard limit in percent of the memory of the cgroup or the machine; 0 = not set',
      format: 'number',
      default: 0,
    },
    spike_limit_percentage: { doc: 'as spike_limit_mib, in percent', format: 'number', default: 0 },
    min_gc_interval_when_soft_limited: {
      doc: 'least time between forced collections above the soft limit',
      format: 'duration',
      default: '10s',
    },
    min_gc_interval_when_hard_limited: {
      doc: 'least time between forced collections above the hard limit',
      format: 'duration',
      default: '0s',
    },
    max_gc_interval_when_soft_limited: {
      doc: 'up to this the interval doubles while collections free less than 5 %',
      format: 'duration',
      default: '30s',
    },
    max_gc_interval_when_hard_limited: { doc: 'the same above the hard limit', format: 'duration', default: '30s' },
  },
  check: checkMemoryLimiter,
}

/** The Collector's rules, in its words. */
function checkMemoryLimiter(config: MemoryLimiterConfig): Problem[] {
  const {
    limit_mib: limit,
    spike_limit_mib: spike,
    limit_percentage: percent,
    spike_limit_percentage: spikePercent,
  } = config
  const problems: Problem[] = []
  const report = (setting: string, message: string) => problems.push({ path: [setting], message })
  if (config.check_interval <= 0) report('check_interval', "'check_interval' must be greater than zero")
  if (limit === 0 && percent === 0) {
    problems.push({ path: [], message: "'limit_mib' or 'limit_percentage' must be greater than zero" })
  }
  const setting = isPercent(percent) ? 'spike_limit_percentage' : 'limit_percentage'
  if (!isPercent(percent) || !isPercent(spikePercent)) {
    const rule = 'must be greater than zero and less than or equal to hundred'
    report(setting, `'limit_percentage' and 'spike_limit_percentage' ${rule}`)
  }
  if (limit > 0 && spike >= limit) report('spike_limit_mib', "'spike_limit_mib' must be smaller than 'limit_mib'")
  if (limit === 0 && percent > 0 && spikePercent >= percent) {
    report('spike_limit_percentage', "'spike_limit_percentage' must be smaller than 'limit_percentage'")
  }
  for (const when of ['soft', 'hard'] as const) {
    const [least, most] = [`min_gc_interval_when_${when}_limited`, `max_gc_interval_when_${when}_limited`] as const
    if (config[most] < config[least]) report(most, `'${most}' must not be less than '${least}'`)
  }
  return problems
}

function isPercent(value: number): boolean {
  return value >= 0 && value <= 100
}
