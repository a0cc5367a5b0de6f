import { z } from 'zod'
import { problemsOf } from '../ground/problem.ts'

export const localCaProblems = {
  host_not_named: {
    status: 403,
    title: 'No service names this host',
    hint: 'Certificates are made for the hosts of services alone: see `claviger service list`.',
  },
  authority_changed: {
    status: 503,
    title: 'The local authority was changed or put away while it made a certificate',
    hint: 'Try again.',
  },
} as const

export const localCaProblem = problemsOf(localCaProblems)

export const LocalCaView = z.object({
  /** SHA-256 of the certificate, hex in capitals with colons, as browsers and OpenSSL show it. */
  fingerprint: z.string(),
  /** The names and addresses that it may sign for, and what is below those names. */
  hosts: z.array(z.string()),
  validTo: z.iso.datetime(),
  /** PEM. */
  certificate: z.string(),
})
/** Of an agent. */
export const OwnLocalCaView = LocalCaView.extend({
  /** Of the services that it was given, by HTTPS; those without a wildcard. */
  origins: z.array(z.string()),
})
export type LocalCaView = z.output<typeof LocalCaView>
