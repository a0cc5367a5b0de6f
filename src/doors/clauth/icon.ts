import { crc32, deflateSync } from 'node:zlib'

const INK = [46, 157, 79]
const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
const drawn = new Map<number, Buffer>()

/** A key in a PNG of `side` × `side` pixels, drawn once (ISO/IEC 15948: 8 bits a channel, RGBA, one IDAT). */
export function drawIcon(side: number): Buffer {
  const known = drawn.get(side)
  if (known !== undefined) return known
  const rows = Buffer.alloc(side * (1 + side * 4))
  for (let y = 0; y < side; y += 1) {
    for (let x = 0; x < side; x += 1) {
      const at = y * (1 + side * 4) + 1 + x * 4
      if (isKey((x + 0.5) / side, (y + 0.5) / side)) rows.set([...INK, 255], at)
    }
  }
  const head = Buffer.alloc(13)
  head.writeUInt32BE(side, 0)
  head.writeUInt32BE(side, 4)
  head.set([8, 6, 0, 0, 0], 8)
  const icon = Buffer.concat([SIGNATURE, chunk('IHDR', head), chunk('IDAT', deflateSync(rows)), chunk('IEND')])
  drawn.set(side, icon)
  return icon
}

/** A ring, its shaft and two teeth, in a square of side 1. */
function isKey(x: number, y: number): boolean {
  const far = Math.hypot(x - 0.3, y - 0.5)
  if (far < 0.22) return far > 0.11
  if (x > 0.5 && x < 0.94 && Math.abs(y - 0.5) < 0.055) return true
  return y > 0.5 && y < 0.68 && ((x > 0.7 && x < 0.77) || (x > 0.85 && x < 0.92))
}

function chunk(type: string, data: Buffer = Buffer.alloc(0)): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  sum.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, sum])
}
