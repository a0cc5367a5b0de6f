/** One spelling of an address that must not be dialled. */
export interface AddressSpelling {
  readonly range: string
  /** As it would stand in a URL's host. */
  readonly host: string
}

/** A member of each blocked IPv4 range of THREATS C-01, mostly first, last and one inside. */
const v4: Readonly<Record<string, readonly string[]>> = {
  'this network': ['0.0.0.0', '0.1.2.3'],
  'private 10/8': ['10.0.0.1', '10.255.255.255'],
  'shared 100.64/10': ['100.64.0.1', '100.127.255.254'],
  loopback: ['127.0.0.1', '127.255.255.254'],
  'link-local': ['169.254.169.254', '169.254.0.1'],
  'private 172.16/12': ['172.16.0.1', '172.31.255.254'],
  'ietf 192.0.0/24': ['192.0.0.1', '192.0.0.192'],
  'test-net-1': ['192.0.2.1'],
  'private 192.168/16': ['192.168.0.1', '192.168.255.254'],
  benchmark: ['198.18.0.1', '198.19.255.254'],
  'test-net-2': ['198.51.100.7'],
  'test-net-3': ['203.0.113.9'],
  multicast: ['224.0.0.1', '239.255.255.250'],
  reserved: ['240.0.0.1', '255.255.255.255'],
  'azure wire server': ['168.63.129.16'],
}

const v6: Readonly<Record<string, readonly string[]>> = {
  unspecified: ['::', '0:0:0:0:0:0:0:0'],
  'loopback 6': ['::1', '0000:0000:0000:0000:0000:0000:0000:0001', '0:0::1'],
  'unique local': ['fc00::1', 'fd00:ec2::254', 'fd20:ce::254', 'fdff:ffff::1'],
  'link-local 6': ['fe80::1', 'febf::1'],
  'multicast 6': ['ff02::1', 'ff0e::1'],
  teredo: ['2001::1', '2001:0:4136:e378:8000:63bf:3fff:fdd2'],
}

/** Spellings of one IPv4 address that the WHATWG parser folds to it. */
function spellingsOf(address: string): string[] {
  const [a, b, c, d] = address.split('.').map(Number) as [number, number, number, number]
  const whole = ((a * 256 + b) * 256 + c) * 256 + d
  const hex = (n: number): string => n.toString(16)
  const octal = (n: number): string => `0${n.toString(8)}`
  const wide = (text: string): string =>
    text.replace(/[0-9.]/g, (ch) => (ch === '.' ? '。' : String.fromCharCode(0xff10 + Number(ch))))
  const circled = address.replace(/[1-9]/g, (digit) => String.fromCharCode(0x245f + Number(digit)))
  return [
    address,
    `${address}.`,
    String(whole),
    `0x${hex(whole)}`,
    `0X${hex(whole).toUpperCase()}`,
    octal(whole),
    [a, b, c, d].map((n) => `0x${hex(n)}`).join('.'),
    [a, b, c, d].map(octal).join('.'),
    [a, b, c, d].map((n) => `000${octal(n)}`).join('.'),
    `${a}.${b}.${c * 256 + d}`,
    `${a}.${(b * 256 + c) * 256 + d}`,
    `0x${hex(a)}.${octal(b)}.${c * 256 + d}`,
    wide(address),
    circled,
    address.replaceAll('.', '%2e'),
    address.replace(/\d/, (digit) => `%3${digit}`),
    address.replaceAll('.', '．'),
  ]
}

/** IPv6 forms that carry the IPv4 address inside. */
function carriersOf(address: string): string[] {
  const [a, b, c, d] = address.split('.').map(Number) as [number, number, number, number]
  const high = ((a << 8) | b).toString(16)
  const low = ((c << 8) | d).toString(16)
  return [
    `::ffff:${address}`,
    `::ffff:${high}:${low}`,
    `0:0:0:0:0:FFFF:${high}:${low}`,
    `64:ff9b::${address}`,
    `64:ff9b::${high}:${low}`,
    `64:ff9b:1::${high}:${low}`,
    `2002:${high}:${low}::1`,
    `2002:${high}:${low}::`,
  ]
}

/** Every blocked range in every spelling: some 600. Nothing is drawn at random. */
export function addressSpellings(): AddressSpelling[] {
  const out: AddressSpelling[] = []
  for (const [range, addresses] of Object.entries(v4)) {
    for (const address of addresses) {
      for (const host of spellingsOf(address)) out.push({ range, host })
      for (const inner of carriersOf(address)) out.push({ range: `${range} inside IPv6`, host: `[${inner}]` })
    }
  }
  for (const [range, addresses] of Object.entries(v6)) {
    for (const address of addresses) {
      out.push({ range, host: `[${address}]` }, { range, host: `[${address.toUpperCase()}]` })
    }
  }
  for (const zone of ['fe80::1%25eth0', '::1%25lo', 'fe80::1%eth0']) out.push({ range: 'zone id', host: `[${zone}]` })
  return out
}
