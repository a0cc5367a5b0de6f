/** What bytes are by how they begin. Says what a receiver may take them for, whatever the content type says. */

const beginnings: readonly (readonly [type: string, hex: string, at?: number])[] = [
  ['PNG picture', '89504e470d0a1a0a'],
  ['JPEG picture', 'ffd8ff'],
  ['GIF picture', '47494638'],
  ['WebP picture', '57454250', 8],
  ['WAV sound', '57415645', 8],
  ['BMP picture', '424d'],
  ['TIFF picture', '49492a00'],
  ['TIFF picture', '4d4d002a'],
  ['MP4 or HEIC', '66747970', 4],
  ['MP3 sound', '494433'],
  ['Ogg', '4f676753'],
  ['FLAC sound', '664c6143'],
  ['Matroska or WebM', '1a45dfa3'],
  ['PDF document', '25504446'],
  ['ZIP archive or Office document', '504b0304'],
  ['empty ZIP archive', '504b0506'],
  ['gzip', '1f8b'],
  ['Zstandard', '28b52ffd'],
  ['bzip2', '425a68'],
  ['xz', 'fd377a585a00'],
  ['7-Zip archive', '377abcaf271c'],
  ['RAR archive', '526172211a07'],
  ['tar archive', '7573746172', 257],
  ['Linux program (ELF)', '7f454c46'],
  ['Windows program', '4d5a'],
  ['macOS program', 'cffaedfe'],
  ['macOS program', 'feedfacf'],
  ['Java class or macOS program', 'cafebabe'],
  ['WebAssembly', '0061736d'],
  ['SQLite database', '53514c69746520666f726d6174203300'],
  ['git pack', '5041434b'],
  ['old Office document', 'd0cf11e0a1b11ae1'],
  ['font', '774f4632'],
  ['Parquet', '50415231'],
]

const table = beginnings.map(([type, hex, at = 0]) => ({ type, bytes: Buffer.from(hex, 'hex'), at }))

export function sniff(bytes: Buffer): string {
  const found = table.find((one) => one.bytes.equals(bytes.subarray(one.at, one.at + one.bytes.length)))
  return found?.type ?? 'unknown'
}
