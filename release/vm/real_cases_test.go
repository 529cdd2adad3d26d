package vm

// realCases are scripts, one a line, that run behind a setup.
var realCases = []struct{ name, setup, scripts string }{
	{"grep", `
cat > f <<'END'
alpha one
beta  two
Gamma three
a.b*c+d
foobar foo_bar foo-bar
-DPID=12 x -DPID=34 y
tab	here

last 127.0.0.1
END
printf 'alpha\nmissing\n' > pats`, `
grep alpha f
grep -v a f
grep -i gamma f
grep -c a f
grep -n two f
grep -o '[a-z]*o' f
grep -q alpha f
grep -q nothing f
grep nothing f
grep -qs x /nowhere/at/all
grep -s x /nowhere/at/all f
grep -E '(alpha|beta) +(one|two)' f
grep 'alpha\|beta' f
grep 'a\.b\*c+d' f
grep -F 'a.b*c+d' f
grep -w foo f
grep -ow 'foo' f
grep -x 'alpha one' f
grep -Po '\-DPID=\K[^ ]+' f
grep -P 'a(?:l|x)pha' f
grep -e alpha -e beta f
grep -f pats f
grep -l alpha f pats
grep -L beta f pats
grep -h alpha f pats
grep -H alpha f
grep alpha f pats
grep -c alpha f pats
grep -A1 beta f
grep -B 1 beta f
grep -C1 foo f
grep -A1 -n -e alpha -e 'a\.b' f
grep -m1 a f
grep -c '^$' f
grep -vc '^$' f
grep '^[[:alpha:]]* [a-z]\{3\}$' f
grep -E '^[[:alpha:]]+ [a-z]{3}$' f
grep 'x*' f
grep -E 'fo{2}b' f
grep -E '^\s*$' f
grep '\bfoo\b' f
grep '\<bar\>' f
grep -o '[0-9]\+' f
grep -oE '[0-9]+' f
grep -E 'a{,2}l' f
egrep 'one|two' f
fgrep -x 'alpha one' f
cat f | grep beta -
grep -r alpha . | sort
grep -rl alpha . | sort
mkdir d; cp f d; grep -rh --include=f one d
grep alpha d0
mkdir d0; grep alpha d0
grep -E '[]x]' f
grep '[^]a-z]' f
grep -E 'a|' f
grep -1 beta f
grep -oE '([0-9]{1,3}\.){3}[0-9]{1,3}' f
grep -v '^#\|^$' f
grep -nv a f
echo 'a*b' | grep '*b'
echo 'a^b' | grep 'a^b'
echo 'a$b' | grep 'a$b'
echo 'a|b' | grep 'a|b'
echo 'a{1}' | grep 'a{1}'
echo '(x)' | grep '(x)'
echo 'x' | grep -E '^(x|y)?$'
echo abcabc | grep -o 'abc'
echo 'hello' | grep -i -o 'L*'`},
	{"sed", `
cat > f <<'END'
# comment
listen_addresses = 'localhost'
#listen_addresses =   'localhost'		# what
port = 5432

log_filename = 'postgresql-%Y.log'
path /var/vcap/store
END
printf 'no newline' > n
printf '10\n9\n8\n7\n' > nums`, `
sed 's/localhost/*/' f
sed "s/#listen_addresses\( *\)=\( *\)'localhost'/listen_addresses\1=\2'*'/" f
sed -e 's/ //g' f
sed -e 's/,/|/g' -e 's/ //g' f
sed -n '/port/p' f
sed -n 2p f
sed -n '2,4p' f
sed -n '$p' f
sed '1d' f
sed '$d' f
sed '/^$/d' f
sed /^$/d f
sed '/^#/d;/^$/d' f
sed '/port/,/path/d' f
sed '2,3!d' f
sed -i 's/5432/5433/' f
sed -i.bak 's/5432/5433/' f
sed -i -e '1i nameserver 127.0.0.1' f
sed -i '$a last line' f
sed '2c changed' f
sed '2,3c changed' f
sed '/log_filename/ {s/log_filename/xx/;s/postgresql-%Y/pg/}' f
sed 's|/var/vcap|/x|g' f
sed 's/port/[&]/' f
sed -E 's/([a-z_]+) = (.*)/\2 = \1/' f
sed -r 's/^(#)?listen/\1L/' f
sed -n 's/^port *= *//p' f
sed -n 's/port/PORT/gp' f
sed 's/o/0/2' f
sed 's/o/0/2g' f
sed 's/LISTEN/x/I' f
sed 'y/abc/xyz/' f
sed '1q' f
sed -n '1!p' f
sed = nums
sed 'N;s/\n/,/' nums
sed ':a;N;$!ba;s/\n/ /g' nums
sed -n 'H;${x;s/\n/,/g;p}' nums
sed '1~2d' nums
sed '0,/9/d' nums
sed '2,+1d' nums
sed 's/$/;/' nums
sed 's/^/> /' nums
sed 's/.*/"&"/' nums
sed 's/x*/-/g' n
sed 's/no/yes/' n
sed p n
sed 's/n/\n/' n
sed 's/\(no\) \(new\)/\2 \1/' n
sed 's/\s\+/ /g' f
sed 's/[[:space:]]*$//' f
sed 's/[^0-9]//g' f
sed 's/.*= //' f
sed '/^port/s/=/:/' f
sed -e '/port/{' -e 's/port/x/' -e '}' f
sed '/port/a after' f
sed '/port/i\before' f
sed 's/\//_/g' f
sed 's#/#\\/#g' f
sed 's/\./\\./g' f
sed -n '/port/{p;q}' f
sed -n '/port/=' f
sed 's/post/\U&/;s/PATH\|path/\u&/' f
sed '5,1d' nums
sed '/nope/,$d' nums
sed '3,/nope/d' nums
sed -n '2{p;q;}' nums
sed 's/a\|b/X/g' f
sed 's,a,b,g' f nums
sed d f
sed -n '/^#/!p' f
sed 'n;d' nums
sed '$!N;P;D' nums
sed G nums
sed -s -n '$p' f nums
sed '/9/r n' nums
sed 's/9/&&/w out' nums
sed -i '/host[[:space:]]*all/d' f
sed 's&^[\w|#]*log_directory = .*&x&' f
sed -i 's/a/b/' f nums
sed 's/a/b/' nosuch
ln -s f l; sed -i 's/port/x/' l
chmod 600 f; sed -i 's/port/x/' f
sed 's/[/]/_/g' f
sed 's/\t/ /g' f
sed -e 's/a/b/;t' -e 's/$/!/' f
sed '1!G;h;$!d' nums
sed 's/.\{3\}/&-/g' f
sed -E 's/.{2}$//' f
sed "s/'//g" f
sed '/a/I!d' f
printf '\n' | sed 's/^$/empty/'
printf '' | sed 's/^$/empty/'
sed 's/one\ntwo//' n
sed -ne '$=' f
sed '2q5' nums
sed --expression='s/1/2/' nums
sed -n '/10/,/8/{/10/!{/8/!p}}' nums
sed 's/a*\(b*\)/[\1]/g' n
sed 's|a\|b|X|g' f
sed '1s/^/x/;2s/$/y/' nums
sed '/10/{n;s/9/nine/}' nums
sed -e 1a\\ -e 'text here' nums
sed '1 i\  indented' nums
sed '/x/s//y/g;/9/s//nine/' nums`},
	{"cut", `printf 'a:b:c\nnone\nd:e:f\n' > f; printf 'x y  z\n' > g; printf '1\t2\t3\n' > t`, `
cut -d: -f1 f
cut -d: -f2- f
cut -d : -f 1,3 f
cut -d: -f-2 f
cut -d: -f1 -s f
cut -d' ' -f2 g
cut -d' ' -f3 g
cut -f2 t
cut -c1-2 f
cut -c3 f
cut -b 2- f
cut -d: -f2 --complement f
cut -d: -f1,3 --output-delimiter=, f
cut -d: -f3,1 f
cat f | cut -d":" -f2
cut -f 1 -d \: f
cut f
cut -d: -f9 f`},
	{"tr", `printf 'Hello  World\n123\n' > f`, `
tr a-z A-Z < f
tr '[:lower:]' '[:upper:]' < f
tr -d ' ' < f
tr -d '\n' < f
tr '\n' ',' < f
tr -s ' ' < f
tr -s "\n" "," < f
tr -dc 'a-zA-Z0-9' < f
tr -cd '[:digit:]\n' < f
tr -d '[:space:]' < f
tr ':' ' ' < f
tr "\/" " " < f
tr 'a-e' 'x' < f
tr -c '[:alnum:]' '_' < f
tr -cs '[:alnum:]' '\n' < f
tr -d '\r' < f
tr '\012' ' ' < f
tr -t abc xy < f
tr a`},
	{"ends", `printf '1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n' > f; printf 'a\nb' > g`, `
head f
head -1 f
head -n 3 f
head -n1 f
head -n -10 f
head -c 5 f
head -c -5 f
head -n 1 f g
head -q -n 1 f g
tail f
tail -1 f
tail -n 2 f
tail -n +11 f
tail -n+2 g
tail -c 3 f
tail -c +20 f
tail -8 f
tail +11 f
tail -n 1 g
tail -n 100 g
head -n 100 g
head nosuch
cat f | head -n 2
cat f | tail -n 1
head --lines=2 f
tail --lines=+12 f
head -0 f`},
	{"sort", `printf 'b 10\na 9\nc 100\na 9\nB 2\n' > f; printf 'v1.10\nv1.9\nv1.2\nv1.10-rc\n' > v; printf '1K\n2M\n512\n3G\n' > h; printf 'x:3:b\ny:1:a\nz:2:c\n' > k`, `
sort f
sort -r f
sort -u f
sort -k2 f
sort -k2n f
sort -k2,2nr f
sort -n -k 2 f
sort -t: -k2 k
sort -t: -k3,3 k
sort -t : -k 2,2n -k 1,1 k
sort -f f
sort -V v
sort -rV v
sort -h h
sort -o f f
sort -c f
sort -cu k
sort f | uniq
sort f | uniq -c
sort f | uniq -d
sort f | uniq -u
sort -s -k1,1 f
sort -nr f
sort -k1.2 f
sort f k
sort -fu f
sort -b -k2 f
uniq -i f
sort -n h`},
	{"counts", `printf 'a b\nc\n' > f; printf 'x' > g; : > e`, `
wc -l f
wc -l < f
cat f | wc -l
cat f | wc
wc f
wc f g
wc -c f
wc -w f g
wc -lw f
wc -L f
wc e
cat e | wc -c
wc nosuch`},
	{"small", `printf 'a\nb\nc\n' > f; printf 'b\nc\nd\n' > g; printf 'a\n\nb\n\n\n\nc\n' > h`, `
tac f
rev f
paste f g
paste -d, f g
paste -sd, f
paste -s -d '+' f
paste -d: - - < f
comm f g
comm -12 f g
comm -23 f g
comm -3 f g
nl f
nl -ba h
nl h
nl -w2 -s. f
cat -n f
cat -b h
cat -s h
cat f g
cat f - < g
cat nosuch f
fold -w 2 g
printf 'abcdefghij\n' | fold -w 4
printf 'abc def ghi\n' | fold -s -w 5
seq 3
seq 2 4
seq 0 2 6
seq 5 -1 3
seq -w 8 11
seq -s, 3
seq 1 0.5 2
seq 0
seq 3 1
seq x
basename /a/b/c.txt
basename /a/b/c.txt .txt
basename /a/b/
basename /
basename a
basename .txt .txt
basename -s .sh a.sh b.sh
basename
dirname /a/b/c
dirname /a
dirname a
dirname a/b/
dirname /
dirname /a//b
dirname a b/c
expr 1 + 2
expr 5 - 5
expr 3 \* 4
expr 7 / 2
expr 7 % 2
expr 7 / 0
expr a + 1
expr 1 \< 2
expr a = b
expr a = a
expr abc : 'a\(.*\)'
expr abc : 'x\(.*\)'
expr abc : '.*'
expr abc : b
expr length hello
expr substr hello 2 3
expr index hello l
expr match abc 'ab'
expr 2 + 3 \* 4
expr \( 2 + 3 \) \* 4
expr '' \| x
expr 0 \| 0
expr 1 \& 0
expr 1 +
expr -1 + 1
expr '' : '.*'
echo hi | tee out
echo hi | tee -a f
echo hi | tee o1 o2 | cat
printf 'aGk=' | base64 -d
printf 'hi' | base64
printf 'hi\n' | base64 -w0
head -c 100 /dev/zero | base64
md5sum f
cat f | sha1sum
sha256sum f g
sha512sum f | cut -d' ' -f1
md5sum f > s; md5sum -c s
md5sum f > s; echo x >> f; md5sum -c --quiet s
cmp f f
cmp f g
cmp -s f g
cmp f nosuch
printf 'a\n' > p; cmp f p
printf '' > p; cmp f p
diff f f
diff f g
diff -q f g
diff f nosuch
diff f h
diff g f
printf 'a\nb\nX\n' | diff f -
printf 'abc' | od -An -tx1
printf 'abcdefgh' | od -An -N4 -tu4
printf 'abcd' | od -A n -t x4
printf '\377\001' | od -An -td1
printf 'abc' | xxd -p
printf '616263' | xxd -r -p
yes | head -n 2
echo 'a $HOME ${PATH2} $' | envsubst '$HOME'
echo 'x ${HOMEX} $HOMEY z' | envsubst
sleepy=1; sync`},
	{"awk", `printf 'a b c\nd e f\nMemTotal: 8192 kB\n' > f; printf 'x:1\ny:2\n' > g`, `
awk '{print $2}' f
awk '{ print $1 " " $3 }' f
awk -F: '{print $2}' g
awk -F : '{s+=$2} END {print s}' g
awk '/MemTotal/ {print $2}' f
awk '/MemTotal/{printf "%.0f", $2*0.5}' f
awk 'NR==2' f
awk 'END{print NR}' f
awk '$1=="d"{print; exit 3}' f
awk -v n=2 '{print $n}' f
awk 'BEGIN{print 1/4}'
cat f | awk '{print NF}'
awk '{print toupper($0)}' f
awk '{gsub(/a/,"x"); print}' f
awk 'NR>1{print $NF}' f
awk '{print length($0)}' f
awk -F'[:=]' '{print $1}' g
awk 'BEGIN{while(i<3)print i++}'
awk '{a[$1]=$2} END{print a["d"]}' f
awk '{print}' f g
awk '{print $1}' x=1 f
awk '!seen[$1]++' f f
awk '{print substr($0,2,3)}' f
awk 'BEGIN { printf "%s %d %5.2f\n", "a", 3, 2.5 }'
awk '{print}' nosuch
awk '{print > "/dev/stdout"}' f`},
	{"jq", `echo '{"a":1,"b":[1,2,{"c":"x"}],"n":null,"s":"t\"q"}' > f`, `
jq . f
jq -c . f
jq -r .s f
jq .s f
jq -r '.b[2].c' f
jq '.b | length' f
jq -e .n f
jq -e .a f
jq '.b[]' f
jq -r '.b[0:2] | join("-")' f
cat f | jq -r '.a'
jq -n '{a: 1}'
jq -n --arg x y '{a: $x}'
jq -n --argjson x 3 '$x + 1'
jq '.nosuch' f
jq -r 'keys[]' f
jq -s length f
jq -j '.a, .s' f
jq -r '.b | map(tostring) | .[0]' f
jq .a nosuch
jq -r '.n // "dflt"' f
jq '.a == 1' f
jq '1.5, 1e3, 100000000000' f
jq -n '[]' f
jq '.b[5]' f
echo '{' | jq . 2>/dev/null || echo failed`},
	{"files", `mkdir -p a/b; echo one > a/one; echo two > a/b/two; ln -s one a/link; ln -s b a/dirlink; echo x > x; chmod 755 x`, `
mkdir d
mkdir a
mkdir -p a/b/c/d
mkdir -p x/y
mkdir d/e
mkdir -m 700 d
mkdir -m 0770 -p d/e
mkdir -v d
mkdir -pv d/e
mkdir -p d e f
mkdir -m u=rwx,g=rx,o= d
mkdir -m 2770 d
rmdir a
rmdir a/b
rm a/b/two; rmdir a/b
mkdir -p d/e; rmdir -p d/e
rmdir --ignore-fail-on-non-empty a
rm x
rm a
rm -r a
rm -rf a nosuch
rm -f nosuch
rm nosuch
rm -f a
rm -rf a/*
rm a/link
rm -rf a/dirlink
rm -rf a/dirlink/
rm -r a/dirlink/
rm -rf a/link/
rm -v x
rm -rf .
touch new
touch x new
touch -c new
touch nodir/new
touch -d yesterday x
ln -s x l
ln -s x a
ln -s x x
ln -sf x a/link
ln -sf /abs/path a/dirlink
ln -sfn /abs/path a/dirlink
ln -nfs x new
ln -nfs x a
ln -sT x a
ln -sv x l
ln -s x a/one a/b
ln x hard; echo more >> x
ln a hard
ln -sf x nodir/l
ln -s a/one
ln -sr a/one a/b/up
cp x y
cp x a
cp x a/
cp x nodir/y
cp x y/
cp a y
cp -r a y
cp -r a y; cp -r a y
cp -a a y
cp -a a/. y
mkdir y; cp -a a/. y
mkdir y; cp -r a/* y
cp -R a/ y
cp a/link y
cp -P a/link y
cp -a a/link y
cp -r a/link y
cp -L a/link y
cp -rL a/link y
cp a/dirlink y
cp x a/one y
cp x a/one a/b
cp -v x y
cp -rv a/b y
cp -f x a/one
cp -n x a/one
cp -p x y
cp x a/link
cp -T x a
cp -t a x
cp -rT a y; cp -rT a y
cp x x
cp nosuch y
cp nosuch x y
cp -u x y
cp --preserve=mode x y
cp -d a/link y
chmod 600 x; cp x y
chmod 4755 x; cp x y
chmod 4755 x; cp -p x y
chmod 600 a/one; cp x a/one
cp -a x a/one
mv x y
mv x a
mv x a/one
mv a y
mkdir y; mv a y
mkdir -p y/a; mv a y
mkdir -p y/a/q; mv a y
mv -n x a/one
mv -v x y
mv x nodir/y
mv x y/
mv a/link .
mv nosuch y
mv x a/one y
mv x a/one a/b
mv -f x y
mv -T x a
mv a/dirlink d2
mv a a/b
mv x x
install x y
install -m 644 x y
install -m 0755 -t a x
install -d d/e
install -d -m 0700 d/e
install -D x d/e/f
install -D -m 600 x d/e/f
install -m 600 x a
install x nodir/y
install -v x y
install -m 644 x a/link
install a y
install -d -m 750 d e
chmod 700 x
chmod +x a/one
chmod u+x,g-r a/one
chmod a=rX x a/one
chmod -R a+rX a
chmod -R 700 a
chmod -R u=rwX,go= a
chmod g+s a
chmod +t a
chmod 1777 a
chmod 2755 a; chmod 755 a
chmod 2755 a; chmod 00755 a
chmod u-x x
chmod -x x
chmod o= x
chmod go-rwx x a
chmod u=g x
chmod 0640 x
chmod 4755 x; chmod u=rw x
chmod nosuch x
chmod 700 nosuch
chmod -f 700 nosuch
chmod 999 x
chmod 600 a/link
chmod -R 600 a/dirlink
chmod --reference=a/one x
chmod a+w,o-r x
chmod =r x
chmod ug+rw,o-rwx x
truncate -s 5 x
truncate -s 1K new
truncate --size=0 x
truncate -s +3 x
truncate -s 10 -c new
dd if=x of=y 2>/dev/null
dd if=/dev/zero of=y bs=10 count=3 2>/dev/null
dd if=/dev/zero of=y bs=1k count=1 status=none
cat x | dd of=y bs=1 count=1 2>/dev/null
dd if=x bs=1 skip=1 2>/dev/null
printf abcdef > y; dd if=x of=y conv=notrunc bs=1 2>/dev/null
printf abcdef > y; dd if=x of=y seek=3 bs=1 conv=notrunc 2>/dev/null
dd if=nosuch of=y
mkfifo p
mkfifo -m 600 p
mkfifo x
rsync -arl x a
rsync -a a/ y
rsync -a a y
rsync -a a/b/ a/c/
rsync x y
rsync -arl x a/one
mkdir y; touch y/old; rsync -a --delete a/ y/
cat < x > y
chown root:root x
chown -R root a
chown -R 0:0 a
chown nosuchuser x
chown nosuchuser:root x
chown root nosuch
chown -h root a/link
chown root: x
chgrp root x
chgrp nosuchgroup x`},
	{"find", `mkdir -p a/b/c a/.hid; echo one > a/one.txt; echo two > a/b/two.log; : > a/empty; ln -s one.txt a/link; chmod 600 a/one.txt; mkdir e`, `
find a | sort
find . -name '*.txt'
find a -type f | sort
find a -type d | sort
find a -type l
find a -maxdepth 1 | sort
find a -mindepth 1 -maxdepth 1 -type d | sort
find a -name one.txt -o -name two.log | sort
find a \( -name '*.txt' -o -name '*.log' \) -type f | sort
find a ! -type d | sort
find a -not -name '*.txt' | sort
find a -iname 'ONE*'
find a -path '*/b/*' | sort
find a -path a/b -prune -o -type f -print | sort
find a -empty | sort
find a -perm 600
find a -perm -600 -type f | sort
find a -name '*.txt' -exec cat {} \;
find a -type f -exec cat {} + | sort
find a -name '*.log' -delete
find a -type f -mtime +7
find a -type f -mtime -7 | sort
find a -name '*.txt' -print0 | tr '\0' '\n'
find nosuch
find a/link
find a/link/
find a/nosuch a/b | sort
find a -user root -type l
find a -type f -printf '%f %s\n' | sort
find a -type f -printf '%P %m\n' | sort
find a -name '.*'
find -L a -type f | sort
find a -name b -quit
find a -size +0c -type f | sort
find a -type f,l | sort
find a -name '[!o]*' -type f | sort
find e -delete
find a -name '*.txt' -exec echo {} x \;
find a -name '*.txt' -exec printf '%s-%s\n' a {} \;
find a -type f | xargs cat | sort
find a -type f -print0 | sort -z | xargs -0 ls -d
echo a b c | xargs
echo a b c | xargs -n1
echo a b c | xargs -n 2
printf 'a b\nc\n' | xargs -I{} echo '<{}>'
printf 'a b\nc\n' | xargs -L1
printf 'a\0b c\0' | xargs -0 -n1
printf '' | xargs
printf '' | xargs -r echo x
printf 'a,b' | xargs -d, -n1
printf '"a b" c\n' | xargs -n1
echo a/one.txt | xargs rm
echo nosuch | xargs cat
printf '1\n2\n' | xargs -I% echo x%y%
echo a | xargs -t echo b
find a -type f -name 'one*' -exec chmod 640 {} \;
find a -depth -type d | sort
find a -type d -exec chmod 750 {} +
find a -type f -printf '%f\\0' | tr '\\000' ' ' | wc -w
find a -name '*.log' -printf '%p\\t%h\\n'
ln -s .. a/b/up; find -L a -name '*.log' 2>/dev/null
find a/b a/one.txt | sort`},
	{"listing", `mkdir -p d/sub; echo x > d/b; echo yy > d/a; : > d/.h; ln -s a d/l; ln -s sub d/ls; chmod 640 d/b; touch top`, `
ls
ls d
ls -a d
ls -A d
ls -1 d
ls -d d
ls -d d/*
ls d top
ls d/a d/b
ls nosuch
ls nosuch d
ls -r d
ls -d d/
ls -F d
ls -p d
ls d/ls
ls -d d/ls
ls d/l
ls d | wc -l
ls -l d | cut -c1-10
ls -1 d | head -1
ls d d/sub
stat -c %a d/b
stat -c '%n %s %F' d/b d d/l d/.h
stat -c %U:%G d/b
stat --format=%u:%g d/b
stat --printf='%a\n' d
stat -L -c %F d/l
stat -c %A d/b d
stat -c %N d/l
stat -c %a nosuch
readlink d/l
readlink d/a
readlink nosuch
readlink -n d/l
readlink -f nosuch/x/y
readlink -e nosuch
readlink -f d/l | sed 's/.*\///'
readlink -f d/nosuch | sed 's/.*\///'
readlink -m x/y/../z | sed 's/.*\///'
realpath d/ls | sed 's/.*\///'
realpath nosuch/x
realpath -s d/ls | sed 's/.*\///'
realpath --relative-to=d d/sub
du -sb top | cut -f2`},
	{"clock", ``, `
date -u -d @0 +%Y-%m-%dT%H:%M:%SZ
date -u -d @1700000000 '+%F %T %Z %z %s %j %a %A %b %B %d %e %y %p %I %u %w %V %D %R'
date -u -d @1700000000
date -u -d @1700000000 -R
date -u -d @1700000000 --rfc-3339=ns
date -u -d @1700000000 --rfc-3339=seconds
date -u -d @1700000000 -Iseconds
date -u -d @1700000000 +%s%3N
date -u -d @1700000000 +%-d/%-m/%_H/%k/%l
date -u -d 2024-02-29 +%Y%m%d
date -u -d '2024-02-29 10:11:12' +%s
date -u -d @1700000000 +%:z%%
mktemp -u -p . x.XXXX | cut -c1-4
mktemp -u foo-XXXXXX | wc -c
mktemp fooXX
mktemp -d nodir/XXXX
mktemp -u --suffix=.sh aXXX | cut -c5-`},
}
