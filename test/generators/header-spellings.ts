/** One way in which a caller may try to send a header of its own beside (or instead of) the one the gateway attaches. */
export interface HeaderSpelling {
  readonly name: string
  /** Header lines, each ending with CRLF, carrying `value`. */
  readonly lines: string
}

const styles: readonly ((name: string) => string)[] = [
  (name) => name,
  (name) => name.toUpperCase(),
  (name) => name.toLowerCase(),
  (name) => name.replace(/(?<=.)./g, (c, at: number) => (at % 2 === 0 ? c.toUpperCase() : c.toLowerCase())),
  (name) => name.replaceAll('-', '_'),
  (name) => name.toUpperCase().replaceAll('-', '_'),
]

const writings: readonly ((name: string, value: string) => string)[] = [
  (name, value) => `${name}: ${value}\r\n`,
  (name, value) => `${name}:${value}\r\n`,
  (name, value) => `${name} : ${value}\r\n`,
  (name, value) => `${name}\t: ${value}\r\n`,
  (name, value) => `${name}: ${value}\r\n${name}: ${value}\r\n`,
  (name, value) => `${name}:\r\n ${value}\r\n`,
  (name, value) => `X-A: b\r\n ${name}: ${value}\r\n`,
  (name, value) => `X-A: b\n${name}: ${value}\r\n`,
  (name, value) => `X-A: b\r${name}: ${value}\r\n`,
  (name, value) => `${name}\x00: ${value}\r\n`,
  (name, value) => `\x00${name}: ${value}\r\n`,
  (name, value) => `${name}: ${value}\x00\r\n`,
  (name, value) => ` ${name}: ${value}\r\n`,
  (name, value) => `Connection: ${name}\r\n${name}: ${value}\r\n`,
  (name, value) => `Connection: close, ${name.toLowerCase()}\r\n${name}: ${value}\r\n`,
  (name, value) => `${name}: ${value}, ${value}\r\n`,
  (name, value) => `${name}\xa0: ${value}\r\n`,
  (name, value) => `${name}\u00ad: ${value}\r\n`,
]

/** Every style of every credential-bearing name in every writing. */
export function headerSpellings(names: readonly string[], value: string): HeaderSpelling[] {
  const seen = new Map<string, HeaderSpelling>()
  for (const name of names) {
    for (const style of styles) {
      for (const write of writings) {
        const lines = write(style(name), value)
        seen.set(lines, { name: `${style(name)} #${writings.indexOf(write)}`, lines })
      }
    }
  }
  return [...seen.values()]
}

/** Host header spellings that name no listener of ours. `port` is the listener's. */
export function foreignHosts(port: number): string[] {
  return [
    'evil.test',
    `evil.test:${port}`,
    `127.0.0.1.evil.test:${port}`,
    `localhost.evil.test:${port}`,
    `evil-localhost:${port}`,
    `127.0.0.2:${port}`,
    `0.0.0.0:${port}`,
    `127.1:${port}`,
    `2130706433:${port}`,
    `0x7f000001:${port}`,
    `0177.0.0.1:${port}`,
    `localhost.:${port}`,
    `127.0.0.1.:${port}`,
    `localhost:${port + 1}`,
    `localhost:0${port}`,
    `user@localhost:${port}`,
    `localhost:${port}@evil.test`,
    `localhost:${port},evil.test`,
    `localhost:${port} evil.test`,
    `[::2]:${port}`,
    `[::ffff:127.0.0.1]:${port}`,
    `local\u00adhost:${port}`,
    'localhost:',
    `claviger.internal:${port}`,
    '169.254.169.254',
  ]
}
