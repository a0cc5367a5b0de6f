// The file `env` of a new home: every setting, commented out, with its sentence and its default.
import { closeSync, constants, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { settingDocs } from './settings-schema.ts'

/** The text of the example. Parsed as it is, it sets nothing. */
export function envExample(): string {
  const head = [
    '# Settings of this Claviger. Remove the `#` before a line to set it; restart to apply.',
    '# The real environment wins over this file. No secrets here: a line that names one stops the start.',
  ]
  const lines = settingDocs()
    .filter(({ env }) => env !== 'CLAVIGER_HOME')
    .flatMap(({ env, fallback, doc }) => ['', `# ${doc}`, `#${env}=${fallback}`])
  return `${[...head, ...lines].join('\n')}\n`
}

/** Writes the example to `$CLAVIGER_HOME/env`, mode 0600, unless something is there already. Says whether it wrote. */
export function writeEnvExample(home: string): boolean {
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants
  let fd: number
  try {
    fd = openSync(join(home, 'env'), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
  try {
    writeSync(fd, envExample())
  } finally {
    closeSync(fd)
  }
  return true
}
