/** Positions of a record in the indexes by creation, name and expiry, as in `index-position.ts`. */
export const POSITIONS = String.raw`
local DIGITS = '0123456789abcdefghijklmnopqrstuvwxyz'

-- Eleven digits in base 36.
local function base36(number)
  local text, rest = '', tonumber(number)
  while rest > 0 do
    local digit = rest % 36
    text = string.sub(DIGITS, digit + 1, digit + 1) .. text
    rest = (rest - digit) / 36
  end
  return string.rep('0', 11 - #text) .. text
end

local function with_number_lengths(name)
  return (string.gsub(name, '%d+', function(number)
    local digits = string.gsub(number, '^0+(%d)', '%1')
    return string.format('%03d', #digits) .. digits
  end))
end

local function positions(record)
  local rest = '\0' .. record.id .. '\0' .. record.folded
  return {
    base36(record.createdAt) .. rest,
    with_number_lengths(record.folded) .. rest,
    base36(record.expiresAt) .. rest,
  }
end
`;
