import type { IncomingHttpHeaders } from 'node:http'
import { describePermission, type Permission, resourceName } from './resource.ts'

/** The API server's `Status` object, as far as it is used. */
export interface ApiStatus {
  code?: number
  reason?: string
  message?: string
  details?: { retryAfterSeconds?: number }
}

/** An answer that is no success. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  /** HTTP status, or the `code` of an error inside a watch. */
  readonly status: number
  /** `Expired`, `AlreadyExists`, `Conflict`, …; `''` when the server gave none. */
  readonly reason: string
  /** How long the server wants to be left alone; 0 = it did not say. */
  readonly retryAfterMs: number

  constructor(permission: Permission, status: number, answer: ApiStatus, headers: IncomingHttpHeaders = {}) {
    super(describe(permission, status, answer))
    this.status = status
    this.reason = answer.reason ?? ''
    const seconds = Number(headers['retry-after'] ?? answer.details?.retryAfterSeconds ?? 0)
    this.retryAfterMs = Number.isFinite(seconds) ? seconds * 1_000 : 0
  }
}

/** Whether `error` is an answer with one of these statuses. */
export function hasStatus(error: unknown, ...statuses: readonly number[]): error is ApiError {
  return error instanceof ApiError && statuses.includes(error.status)
}

function describe(permission: Permission, status: number, { message = '' }: ApiStatus): string {
  const said = message.trim()
  const request = `${permission.verb} ${resourceName(permission.resource)}`
  if (status === 401) return `${request}: the API server does not accept these credentials (401)`
  if (status === 403) return `${describePermission(permission)} (403 ${said})`
  return `${request}: ${status}${said === '' ? '' : ` ${said}`}`
}
