import type { House } from './house.ts'

/** What a start says to a program: one line, with the secrets of the first start on the first start alone. */
export function readyLine(house: House): string {
  const { url, operators, home, firstRun } = house
  const sealed = house.state().state === 'unsealed' ? {} : house.state()
  return `claviger ready ${JSON.stringify({ url, operators, home, ...sealed, ...firstRun })}\n`
}

/** What a start says to a person at a terminal. */
export function readyText(house: House): string {
  const { firstRun, url, operators, home } = house
  const pages = operators === undefined ? [] : [`  operators ${operators}`]
  const lines = ['', `  Claviger is ready at ${url}`, ...pages, `  home      ${home}`, ...sealedLines(house)]
  if (firstRun?.operatorToken !== undefined) {
    lines.push(
      '',
      '  The operator token, shown this once. Put it into your password manager:',
      '',
      `    export CLAVIGER_OPERATOR_TOKEN=${firstRun.operatorToken}`,
    )
  }
  if (firstRun?.try !== undefined) {
    lines.push(
      '',
      '  A first call, to a service built in for trying. Paste it into another terminal:',
      '',
      `    ${firstRun.try}`,
    )
  }
  lines.push('', '  Next: "A real call" in README.md. `npx claviger --help` lists the commands. Ctrl-C stops.', '', '')
  return lines.join('\n')
}

/** Why nothing is forwarded yet, and what to do about it. */
function sealedLines(house: House): string[] {
  const { state, reason } = house.state()
  if (state === 'unsealed') return []
  const next =
    reason === 'boot'
      ? 'no key file opens it. Run `npx claviger unseal` and give the passphrase'
      : `${reason}. The log above says what was found; \`npx claviger unseal --key-file\` says what to do`
  return [`  vault     ${state}: ${next}`]
}
