/** What an error number of the file system means to whoever named the file. */
const words: Readonly<Record<string, string>> = {
  ENOENT: 'is not there',
  ENOTDIR: 'is not there: a part of its path is no folder',
  EACCES: 'is not for this user',
  EPERM: 'is not for this user',
  EEXIST: 'is there already',
  EISDIR: 'is a folder',
  ELOOP: 'is a link that leads back to itself',
  ENAMETOOLONG: 'has too long a name',
  EROFS: 'is on a disk that is read only',
  ENOSPC: 'does not fit: the disk is full',
}

/** Such as `is not there (ENOENT)`: the words, and the number for whoever looks it up. */
export function fileTrouble(error: unknown, otherwise = 'cannot be opened'): string {
  const { code = 'no number' } = error as NodeJS.ErrnoException
  return `${words[code] ?? otherwise} (${code})`
}
