"""Given names that have no other forms here: two different ones are never a typo of each other.

What belongs here: data, lower case, ё as е; from the person data of mimesis (MIT). Names with short forms are in
`given_names.py`.
"""

RUSSIAN = """
ава августа августина авдей авксентий аврора агапия агафон аглая агния агунда аделаида адиля адриана аза азалия азиза аиша ай
айару айгерим айгуль айлин айнагуль айнур айсель айсун айсылу акакий алана алексия алеста алия алсу алтын альберт альвиан альфия
амалия амаль амина амира анабель анаит аникита анисья анита антонин анфим анфиса аполлинария арабелла ариадна ариана арианда
аристарх ария архипп асель асия астрид афанасий афина аэлита ая аяна бажена беатрис бела белинда берта богдана божена бьянка
бэлла вавила валерьян ванда ванесса варлам варсонофий варфоломей василина венедикт венера веста викентий викторина вилена
виссарион виталина виталия влада владана владислава владлен влас габриэлла гавриил галактион гаяна гаянэ геласий генриетта
герасим германн глафира гоар гордей грета гульзира гульмира гульназ гульшат гюзель далида дамира дана данакт даниэла дания даяна
демид демьян джамиля дженна дженнифер джессика джиневра дильназ дильнара диля дилярам добрыня долорес доминика домна домника
донат дорофей евангелина евграф евдоким евсей евстафий емельян еремей ермолай ерофей есения ефрем ея жаклин жансая ждан жозефина
жоржина забава заира залина замира зарема земфира зиновий зита злата златослава зоряна зульфия зухра иакинф ивета иветта илина
иллирика илона ильзира илюза инга индира иоанна ирада ираида ираклий ириней ирма исидор искра иуда иулиан ия капитон каре карима
ким клара климент кондрат конон констанция кора корнелия корнилий кузьма куприян лаврентий лада лаура леона лета лиана лилиана
лилит линда лиора лира лия логгин лола лолита лора луиза лука лукерья лукий лукия лукьян луна любава люсиль люсьена люция люче
ляйсан мавиле мавлюда магда магдалена магистриан мадлен макар макария малика марика мариям марта мартын марфа мелания мелентий
мелисса мехри мика милада милен милена милица милослава мина мирон мирра митрофан михримах мия моника мстислав муза наиля наима
нана наоми наргиза нестор нея никанор никифор никодим николь никон нинель номина нонна нурия одетта октябрина оливия онисим
онуфрий офелия павлина паисий памела панкратий пантелеймон парфений патриция паула пафнутий пахомий пейтон пелагея перизат
платонида поликарп порфирий потап прасковья пров прокопий протасий равшана рада разина раиля раифа ралина рамина раяна ребекка
рена
резеда рената риана рианна рикарда роберта рогнеда родослав рузалия рузанна русалина руслана руфина руфь сабина сабрина савва
сажида саида салима саломея сальма самира самуил сания сара сати сауле сафия сафура саяна святополк севара севастьян селена
сельма сесилия сиара сила сильвестр сильвия симона созон софрон спиридон стелла сусанна тамила тара таяна теона тереза тея тит
тиффани тихон томирис тора трифон трофим тэмми ума урсула устинья фаддей фазиля фаина фарида фариза федора федосей федот фекла
фелисити фелиция феоктист феруза физалия филат филимон фирс фируза флора флоренс флорентина флоренция флориана фока фома фотий
фредерика фрида фрол хадия харитон хилари хлоя хрисанф христофор хюррем цагана цветана цецилия циара челси чеслава чулпан шакира
шарлотта шахина шейла шелли шерил эвита элиана элиза элина эльвина эльмира эльнара эмили энже эраст эрика эрмина эсмеральда
эсмира эстер этель этери юлианна юна юния юнона юстин ядвига якун ярина
"""

ENGLISH = """
aaron abel abram adah adalberto adaline adan adelina adell adelle adena adolfo adolph adrian adrien adriene afton agnus agripina
agueda agustin ahmed ai aide aiko ailene aja akiko akilah alaine alane alayna albertina albertine alberto albina alden aldo
alease alec aleen aleida aleisha alejandrina aleshia alesia alessandra alethea alethia alfonso alfonzo alfredia alia alica alise
alishia alisia alita alix aliza alla alleen allegra allena allene alline allyn almeta alona alonso alonzo alpha alphonse
alphonso altha alton alva alvaro alvera alverta alyce alysa alyse alysha amado amal amber amberly ambrose amee amiee amina amira
amos an analisa anamaria anastacia andera anderson andra andree andres angele angelena angeles angelic angelika angelo angelyn
angila angla angle anibal anika anisa anisha anja anjanette anjelica annabell annalee annalisa annamae annamaria anneliese
annelle annett annice annika annis annita annmarie antone antonetta antonietta antonina antony apolonia apryl ara aracelis
arcelia ardath ardelia ardell ardella ardelle arden argelia argentina ariane arianne arica arie ariel arla arlean arlen arlena
arletha arletta arlette arlie arlinda arlyne armand armanda armandina armando arminda arnetta arnette arnita arnoldo arnulfo
aron arron arturo arvilla asa ashanti ashlea ashli ashlyn asley assunta asuncion aubrey audie audrea audria audrie augustina
aundrea aurelio aurore austin avelina avery avril ayako ayana ayanna ayesha azalee azucena azzie babara babette bao barabara
barbar barbera bari barrett barrie barry barton basilia beata beatris beau beaulah bebe becki belen belia belkis bell benedict
benito bennett bennie benton berenice berna bernarda bernardina bernardine berneice bernetta berry bertram bethanie bethann
bethel betsey bettyann beula beverlee bibi billi billye birgit blaine blair blake blondell blossom blythe bo bobette bok bong
booker boyce boyd bradly brady brain branda brande branden brant breana breann bree brendan brendon brent brenton bret brett
brice brigid brigida brinda britany britni britta brittaney brittanie britteny brittny brock broderick bronwyn brooks bruce
bruna brunilda bruno bryanna bryce brynn bryon buck bud buddy buena buffy buford bula bulah burl burma burt burton buster byron
calandra caleb calista camelia camellia camie camila candida candie candra candyce caprice carey carie carin carisa carissa
carita carlee carlena carletta carley carli carlie carlita carlo carlton carlyn carma carmelia carmelina carmelo carmina carmine
carmon carola carolin caroll carolyne carolynn caron caroyln carrol carry carson carter cary carylon casey casie casimira
cassaundra cassey cassi cassondra cassy catalina catarina caterina catherin catherina cathern catheryn cathey catrice cayla
cecil cecila cecille cedric cedrick celena celesta celestina celinda celine celsa ceola cesar chad chadwick chae chan chance
chanel chanell chanelle chang chantay chante chantell chara charis charise charita charlena charlesetta charlott charlsie
charlyn charmain chase chasidy chassidy chau chauncey chaya chere cheree cherelle cherilyn cherish cherlyn cherry cherryl chery
cheryll chi chia chieko chin china ching chong christeen christena christene christia christiane christinia christoper chu chun
chung ciara cicely ciera cinderella cindie cira claretha claretta claribel clarinda clarine claris clarisa clarita clark classie
claud claudie claudio clelia clemencia clemente clementina clemmie cleo cleopatra cleora cleotilde cletus cleveland clora
clorinda clotilde clyde codi cody colby cole coleman colene coletta colette colin collen collene collin colton columbus
conception concha conchita consuela contessa coralee coralie corazon cordell cordia cordie coreen coretta corey corie corliss
cornell corrin corrinne cortez coy craig creola cris criselda crissy crista cristen cristie cristin cristobal cristy cruz crysta
crystle cuc cyrstal cythia dacia dagmar dagny dahlia daina daine daisey dakota dalene dalila dallas dalton damian damien damion
damon dana danae dane dania danica daniell danika danille danilo dann dannette dannielle dante danuta danyel danyell danyelle
daphine darby darcel darcey darell dario darius darlena darnell daron darrel darrick darron darwin davis dawne dayle daysi
deadra deandra deandre deandrea deane deangelo debbi debbra debera debroah dede deeann deedee deedra deetta deja del delaine
delana delbert delcie delena delicia delila delinda delisa dell delmar delmer delmy deloise delora deloras delorse delpha delsie
delta demarcus demetrice denae denese denisha denisse denita dennise denver denyse deon deonna deshawn desirae desire desmond
despina detra devin devon devona devorah dewayne dewey dewitt dexter dia diamond diedra diedre diego dierdre digna dillon dimple
dino dinorah dion dione dionna dirk divina dodie doloris domenic domenica domingo dominica dominque domitila domonique donella
donetta donette dong donn donnell donnetta donnette donovan donte donya dorathy doreatha dorethea doretta doria dorian dorie
dorine dorla dorotha dorsey dorthey doyle dreama drema drucilla drusilla dudley dulce dulcie duncan dung dusti dwana dwight
dylan earl earle earlean earleen earlie earnest ebonie echo edda edelmira eden edgardo edison edmundo edra edris edwardo efrain
efren ehtel eilene ela eladia elane elanor elbert elden eldon eldridge eleanora elease elene eleni elenora elenore eleonor
eleonore elfreda elfrieda eliana elias elicia elidia elin elina elinore elisa eliseo elisha eliz elizabet elizbeth elke ellamae
ellan ellena elli ellis ellsworth ellyn elmer elmo elodia elois eloy elroy else elsy elton elvera elvie elvin elvina elvis
elwanda elwood elza ema emelda emelia emelina emeline emely emerald emerita emerson emery emiko emilee emilio emmaline emmett
emmitt emory enda eneida enoch enola epifania erasmo erich erlene erline ermelinda erminia errol ervin erwin eryn esta esteban
estefana estell estrella etha ethan ethelene ethyl etsuko ettie eufemia eugena eugenie eugenio eulah eun euna eura eusebia
eusebio eustolia evelin eveline evelynn everett everette evia evita ewa exie ezequiel ezra fabian fabiola fae fairy fallon farah
fatima fatimah faustina faustino fausto faviola fe felicidad felisa felton fermin fermina fernanda fernande fidel fidela fidelia
filiberto flavia fleta fletcher florance florencia florencio florentina florentino floretta floria florinda florrie floyd forest
forrest foster france francene francesco franchesca francina francoise fransisca fredda frederica fredericka fredia fredric
fredricka freeda freeman frida fumiko gabriele gala galen galina garfield garland garnett garret garrett garth gaston gavin
gayla gaylene gaylord gaynelle gema genaro genesis genevie genevive genia genna gennie georgann georgeann georgeanna georgene
georgetta georgiann georgianne georgine geraldo german gertha gertrud gertrudis ghislaine gia gianna gidget gigi gilberte gilma
ginette gino giovanni gita giuseppe giuseppina glady gladys glayds glendora glennie glennis glinda glynda glynis golda golden
goldie gonzalo grady graig grant granville grayce grazyna gregoria gregorio gretta gricelda grisel grover guadalupe gudrun
gustavo guy gwenda gwyn gwyneth ha hae hai halina halley han hana hang hanh hannelore hans harlan harland harley harmony harris
hassan hassie haydee hayden haywood hector hedy hee heide heidy heike helaine heriberto herma hermila hermina hermine herminia
herschel hershel herta hertha hiedi hien hilaria hilario hilde hildegarde hildred hilma hilton hipolito hiram hiroko hisako hoa
hobert holley hollis homer honey hong horacio hosea houston hoyt hsiu hue huey humberto hung hunter huong hwa hyacinth hye hyman
hyo hyon hyun idell iesha ignacia ignacio ilana ilda ileen illa iluminada indira inell inger inocencia iraida irish irma irmgard
irvin irwin isa isaias isaura isela isiah isidra isidro isis ismael israel isreal issac ivana ivelisse ivey ivory izetta izola
ja jacelyn jacinda jacinto jackelyn jacki jackqueline jacqualine jacquelyne jacquelynn jacquetta jacquie jacquiline jacqulyn
jade jadwiga jae jaimee jaleesa jalisa jama jamaal jamal jamar jame jamee jamel jamey jamika jamison janae janay janean janee
janella janene janessa janeth janett janetta janiece janine janise janita jann january janyce jaquelyn jared jarod jarred
jarrett jarrod jarvis jasper jaye jaymie jayna jayson jazmine jc jeanelle jeanene jeanice jeanmarie jeannetta jed jefferey
jeffie jeffry jenae jene jenee jenell jenelle jenette jeneva jeni jenice jenine jenise jennefer jennell jennine jeramy jere
jerica jerlene jermaine jerold jeromy jerrell jerrica jerrod jerrold jesenia jessenia jessi jessia jessika jestine jesusa
jesusita jetta jettie jewel jewell ji jin jina jinny joana joane joannie joaquin joaquina jodee joeann joella joette johana
johanne johna johnetta johnette johnie johnna johnsie johnson joi joie jolanda jolene jolie joline jolyn jona jonah jonas jone
jonell jonelle jong joni jonie jordon josefine joselyn joslyn jospeh josue jovan jovita joya joye judson jule julee julene
juliane julieann julienne julietta junie junior junita junko justa jutta ka kaci kacie kacy kai kaila kaleigh kaley kali kallie
kalyn kam kamala kamilah kandace kandis kandra kanesha kanisha karan kareem kareen karena karey karima karine karisa karleen
karly karlyn karma karmen karole karoline karren karry kary karyl kasey kasha kasi kasie kassie katelin katelynn katerine
kathaleen katharina katharyn kathe katheleen katherin katherina kathern kathey kathline kathrin kathyrn katia katina katlyn
katrice kayce kaycee kayleen kayleigh kaylene kazuko keeley keena keenan keesha keiko keila keira keitha keli kelle kellee
kellye kelsi kelsie kelvin kemberly kena kenda kendal kendall kendrick kenia kenisha kennith kent kenton kenyetta kera keren
kermit kerstin keturah keva keven khadijah khalilah kiana kiera kiersten kiesha kieth kiley kimber kimberli kimbra kimi kimiko
kina kindra king kip kirby kirk kittie kiyoko kizzie kizzy klara korey kortney kory kraig krishna krissy kristel kristle krysta
krysten krystin krystina kum kyle kym kymberly kyoko lachelle laci lacresha lacy ladawn lady lael lahoma lai laila laine lajuana
lakeesha lakendra lakenya lakia lakiesha lakita lala lamar lamonica lamont lance landon lane lanell lanelle lang lanie lanita
lannie lanny lanora laquanda larae laraine laree larhonda larisa larita laronda larraine lasandra lashandra lashaun lashaunda
lashawna lashawnda lashay lashell lashon lashunda lasonya latarsha latashia latesha latia latina latoria latoyia latrice latrina
latrisha launa lauralee laure laurena laurene laurice laurinda laurine lauryn lavelle lavenia lavera lavern laverna laveta
lavette lavinia lavona lavonda lavone lavonia lavonna lawana lawanna lawerence layne lazaro le lean leana leandro leanora leatha
lecia leeanna leeanne leena leia leida leif leigh leigha leighann leisha lekisha lelah leland lemuel lenard lenita lenna leoma
leonarda leonel leonia leonida leonie leonila leonore leontine leopoldo leota lera lesia letisha levi lianne libbie liberty
librada lien lieselotte ligia lili lilla lillia lilliam lilliana ling linh lino linsey linwood lionel lisabeth lisandra lisbeth
livia lizeth lizette lizzette lloyd loan logan loida loise loma lon londa long loni lonna lonnie lonny loralee lore lorean loree
loreen lorette loria loriann lorilee lorina loris lorita lorriane lory louanne louetta loura lourie louvenia love lovella
lovetta lowell loyce loyd luana luanna luci luciano lucien lucilla lucina lucio lucius lucrecia ludie ludivina luetta luigi
luise luna lupe lurlene lurline luvenia lyla lyle lyman lyndia lyndon lynell lynelle lynetta lynna lynsey lynwood ma mabelle mac
macie mack macy madalene madaline madalyn madelaine madelene madie madison madlyn maegan mafalda magali magaly magan magaret
magdalen magen mahalia maida maile maira maire maisha maisie major makeda malcom malena malik malika malisa malka mallie malorie
malvina mammie man mana mandie manie manual many mao maple maragaret maragret marcel marcelene marceline marcelino marcell
marcellus marcelo marcene marchelle marcos mardell maren marg margareta margarett margaretta margarite margarito margene
margeret margert marget margherita margit margorie margrett margurite margy marhta marianela mariano marica maricruz mariel
mariella marielle mariette mariko marilou marilu marin marinda marine mario maris marisha marivel marketta markita marlana
marleen marlen marlin marline marlon marna marni marquetta marquis marquitta marth marvel marvella marvis marx marya maryalice
maryam maryanna marybelle maryetta maryland maryln marylouise marylyn marylynn maryrose masako mason matha mathilda mathilde
mauricio maurita mauro maxima maximina maximo maxwell maybell maye maynard mayola mckenzie mckinley meda mee meggan meghann
melaine melani melania melda melia melida melissia melita mellie melodee melodi melodie melynda mendy mercedez meri merideth
meridith merle merlene merlin merlyn merna merri merrie merrilee merrill mertie mervin mica micaela micah micha michaele michal
michale michelina micheline michiko mickie miesha mignon miguelina mika mikaela mikel miki mikki mila milagro milan milda miles
milford millard milo min minda ming minh minna minta miquel mireille mirella mireya mirta mirtha miss mistie mitchel mitsue
mitsuko mitzie miyoko modesto moises monet monnie monroe monserrate monte moon mora morgan moriah morton mose moshe mozell
mozella mui muoi murray my myesha myles myrl myrle myron myrta myrtie myung na nadene naida nakesha nakisha nakita nam nana
nancee nancey nancie naoma napoleon narcisa natacha natashia nathanael natisha natosha necole neda neely neida nelia nelida
nenita neoma neomi nerissa nery nestor neta nevada neville newton nga ngan ngoc nguyet nia nichelle nichol nicholle nickie
nickole nicol nicolasa nicolle nida niesha nieves nigel nikia nisha noah noble nobuko noe noel noella nohemi nolan noma norbert
norberto noriko normand norris novella nu nubia numbers nyla obdulia octavio oda odelia odell odilia odis olen olene olevia
olimpia olin olinda oliva olympia omar omega omer oneida onie onita oralee oren oretha orlando orval orville ossie osvaldo
oswaldo otelia otha otis otto owen ozell ozella ozie pa page palmer palmira pamelia pamila pamula pandora paris parker parthenia
particia pasquale pasty patience patria patrina paulene pauletta paulita paz pearle pearlene pearly pei penni petrina petronila
phebe phung phylicia pia piedad pierre ping pinkie piper pok porfirio porsche porsha porter portia preston prince priscila
providencia pura qiana queenie quentin quiana quincy quinn quintin quinton quyen rachal rachele rachell raeann raelene raguel
raina raisa raleigh ramiro ramon ramonita rana ranae randa randee randell ranee rashad rasheeda raul raye rayford raylene
raymonde rayna rea reagan reanna reatha rebbeca rebbecca reda reed reena refugia refugio regan regena regenia regine reginia
reid reiko reinaldo reita rema remedios remona renaldo renato renay renda rene renetta renna ressie rex rey reyes reynalda
reynaldo rhea rheba rhett rhona ria ricarda rickey ricki rico rigoberto riley rima risa riva rivka robbi robbyn robena robt
rocco rochel rochell rocky rodrick rogelio rolande rolf romaine romana romelia romeo ronni roosevelt rory rosamaria rosamond
rosana rosario roscoe roselee roselia roseline roselle rosena rosenda rosendo rosette rosia rosio ross rossana rossie rosy royal
royce rozanne rozella rubi rubie rubin rudolf rueben rufina rufus russel rutha ruthanne ruthe ryan ryann sabine sabra sacha
sachiko sadye sage salena salley salome samara samella samira sammie samual sana sanda sandee sanford sang sanora santana
santiago santina santo santos sarai saran sari sarina saturnina sau saul savanna scarlet scottie season sebrina see seema selene
selma sena senaida september serafina serina serita seth setsuko sha shad shae shakia shakira shakita shala shalanda shalon
shanae shandi shandra shaneka shanel shanelle shani shanice shaniqua shanita shantae shantay shantelle shanti shaquana shaquita
sharan sharda sharee sharell sharice sharie sharika sharilyn sharita sharleen sharmaine sharolyn sharri sharyl shaunda shaunna
shaunta shaunte shavon shavonda shavonne shawana shawanda shawanna shawna shawnda shawnee shawnna shawnta shay shayne shea sheba
sheilah shela shelba sheldon shella shelton shemeka shemika shena shenika shenita shenna shera sherell sherice sheridan sherika
sherill sherilyn sherise sherita sherlene sherley sherly sherlyn sherman sherrell sherril sherwood shery sheryll shila shiloh
shin shira shirely shirleen shizue shizuko shon shona shonda shondra shonna shonta shoshana shu shyla signe silas silva silvana
sima simona simonne sina sindy sirena siu sixta skye slyvia so soila solange somer sommer son sona song sonny soo sook soraya
sparkle spring stacee stanford stanton stasia stefania stefany steffanie stepanie stephane stephania stephnie sterling stormy
suanne sudie sueann suellen suk sulema sumiko sunday sung sunni susann susy suzann synthia syreeta ta tabetha tai taina taisha
tajuana takako takisha talia talisha talitha tama tamala tamar tamatha tambra tameika tamekia tamesha tamica tamie tamiko
tamisha tammera tandra tandy taneka tanja tanna tanner tarah taren tari tarra taryn tashia tashina tasia tatum taunya tawna
tawny taylor tayna tegan teisha telma temeka temika tempie temple tenesha tenisha tennie tennille teodora teodoro teofila
tequila tereasa teresia terica terina terisa terresa terrilyn tesha thalia thanh thao theola theresia theressa theron thersa thi
thomasena thomasine thora thresa thu thurman tianna tien tiera tiesha tifany tiffaney tijuana tilda timika tinisha tiny tisa
titus tobi tobie toccara tod todd toi tomi tomika tomiko tommye tomoko tona tonda toney tonie tonisha tonita tora torie torri
torrie tory toshia toshiko tova towanda tracee tran trang treasa treena trent trenton trey trinh trinidad trinity tristan troy
trudi trudie trula truman tu tuan tula tuyet twana twanda twanna tyesha tyisha tynisha tyra tyree tyrell tyron tyson ula ulrike
un usha ute valda valene valentin vallie valrie vance vanda vanesa vanetta vania vanita vanna vannesa vannessa vashti vasiliki
vaughn vella velvet vena venetta venice venita vennie veola verdell verdie verena verlene verlie verline vernetta vernia
veronika veronique versie vertie veta victorina viki vilma vincenza vinita violette virgen virgilio vito viva vivan von voncile
wade wai waldo walker walton waltraud wan waneta wanetta warner wava waylon wei weldon wen wendell wendie wendolyn wenona werner
weston whitley wilber wilbert wilburn wilda wiley wilford wilfredo wilhemina willena willene willetta willette willia williams
willian williemae willis willodean willow wilmer wilson wilton winford winfred winter wonda wyatt wynell xiao xochitl xuan yaeko
yael yahaira yajaira yan yang yanira yasmine yasuko yee yen yer yessenia yevette yi ying yoko yolande yolando yon yong yoshie
young yuette yuk yuki yukiko yuko yulanda yun yung yuonne yuriko yvone zackary zada zana zandra zane zenia zenobia zetta zita
zofia zona zonia zulema zulma
"""
