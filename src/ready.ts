import type { House } from './house.ts'

/** What a start says to a program: one line, with the secrets of the first start on the first start alone. */
export function readyLine(house: House): string {
  const { firstRun } = house
  return `claviger ready ${JSON.stringify({ url: house.url, home: house.home, ...firstRun })}\n`
}

/** What a start says to a person at a terminal. */
export function readyText(house: House): string {
  const { firstRun, url, home } = house
  const lines = ['', `  Claviger is ready at ${url}`, `  home      ${home}`]
  if (house.state() !== 'unsealed') lines.push(`  state     ${house.state()}: run \`npx claviger unseal\``)
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
  lines.push(
    '',
    '  What to do next stands in README.md; `npx claviger --help` lists the commands. Ctrl-C stops.',
    '',
    '',
  )
  return lines.join('\n')
}
