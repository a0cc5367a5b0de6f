// What the exit code says. The numbers are sysexits where it has one; THREATS section 6 fixes 0, 70, 74, 75 and 78.

export const exitCode = {
  ok: 0,
  refused: 1,
  undecided: 2,
  partly: 3,
  usage: 64,
  notRunning: 69,
  bug: 70,
  storage: 74,
  audit: 75,
  notPermitted: 77,
  config: 78,
} as const

export type ExitCode = (typeof exitCode)[keyof typeof exitCode]

export const exitCodeHelp = `
Exit codes:
  0   done; for \`up\`: drained and stopped
  1   refused or denied; for \`audit verify\`: damage or tampering proven
  2   cannot decide: a file or a key is missing
  3   done in part: a file could not be read or written, and the rest was done
  64  the command line was not understood
  69  the gateway is not running
  70  a bug
  74  storage failed
  75  the audit log failed
  77  not permitted: no operator token, a wrong one, or one of a lesser role
  78  configuration or environment unsafe; nothing was changed
`

const byCode: readonly (readonly [RegExp, ExitCode])[] = [
  [/^(usage|secret_in_argv|secret_source|argument|file_un(read|writ)able)_?/, exitCode.usage],
  [/^gateway_not_running$/, exitCode.notRunning],
  [/^internal_error$/, exitCode.bug],
  [/^(storage_|disk_)/, exitCode.storage],
  [/^audit_(unavailable|lost|write|sync)/, exitCode.audit],
  [/^(setting|env_file|home|key_file|lock|socket|node|not_installed|isolation)_/, exitCode.config],
  [/^(operator_token_|agent_token_|token_file_|unseal_failed$|caller_refused$|role_refused$)/, exitCode.notPermitted],
  [/^(checkpoint|log|proof|verifier_key)_missing$|^audit_verification_/, exitCode.undecided],
]

/** The exit code for a problem: by its code where that says more than the status does. */
export function exitCodeOf(problem: { readonly code: string; readonly status: number }): ExitCode {
  const known = byCode.find(([pattern]) => pattern.test(problem.code))
  if (known !== undefined) return known[1]
  if (problem.status === 401) return exitCode.notPermitted
  return exitCode.refused
}
